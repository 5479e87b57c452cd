// Passkeys (WebAuthn): <form data-passkey="create" or "get" data-options=… data-finish=…>. The server gives
// {challenge, options}, and takes {challenge, credential}, both with the other fields of the form, and says
// {next}: where to go. A refusal may say {next} too: where to show first who one is.
import { find } from "./dom";
import { post, Refused } from "./request";
import { say } from "./texts";

type Json = Record<string, unknown>;

if (window.PublicKeyCredential && window.isSecureContext) {
  for (const form of document.querySelectorAll<HTMLFormElement>("form[data-passkey]")) prepare(form);
}

function prepare(form: HTMLFormElement): void {
  const inner = form.querySelector<HTMLElement>("[data-with-passkeys]");
  (inner ?? form).hidden = false;
  const go = form.querySelector<HTMLButtonElement>("[data-go]");
  if (go) go.addEventListener("click", () => void run(form, go));
  else
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      void run(form, find<HTMLButtonElement>("button", form));
    });
}

async function run(form: HTMLFormElement, button: HTMLButtonElement): Promise<void> {
  const wrong = find(".wrong[role=alert]", form);
  const fields: Json = {};
  for (const [name, value] of new FormData(form)) {
    if (typeof value === "string" && name !== "password" && name !== "csrf") fields[name] = value;
  }
  const name = form.querySelector<HTMLInputElement>("input[name=name][required]");
  if (name && !name.reportValidity()) return;
  wrong.hidden = true;
  button.disabled = true;
  try {
    const { challenge, options } = await post<{ challenge: string; options: Json }>(form.dataset.options ?? "", fields);
    const credential =
      form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: creation(options) })
        : await navigator.credentials.get({ publicKey: request(options) });
    if (!credential) throw new DOMException("", "NotAllowedError");
    const finished = { ...fields, challenge, credential: told(credential as PublicKeyCredential) };
    const { next } = await post<{ next: string }>(form.dataset.finish ?? "", finished);
    location.assign(new URL(next, location.origin).origin === location.origin ? next : "/");
  } catch (error) {
    if (error instanceof Refused && error.next) return location.assign(error.next);
    wrong.textContent = words(error);
    wrong.hidden = false;
    button.disabled = false;
  }
}

function words(error: unknown): string {
  if (error instanceof Refused) return error.status === 0 ? say("offline") : error.message || say("failed");
  return say("refused");
}

/** Options for a new passkey, with bytes where the server wrote base64url. */
function creation(options: Json): PublicKeyCredentialCreationOptions {
  const user = options.user as Json;
  return {
    ...options,
    challenge: bytes(options.challenge),
    user: { ...user, id: bytes(user.id) },
    excludeCredentials: descriptors(options.excludeCredentials),
  } as unknown as PublicKeyCredentialCreationOptions;
}

function request(options: Json): PublicKeyCredentialRequestOptions {
  return {
    ...options,
    challenge: bytes(options.challenge),
    allowCredentials: descriptors(options.allowCredentials),
  } as PublicKeyCredentialRequestOptions;
}

function descriptors(list: unknown): PublicKeyCredentialDescriptor[] {
  return ((list ?? []) as Json[]).map(
    (one) => ({ ...one, type: "public-key", id: bytes(one.id) }) satisfies PublicKeyCredentialDescriptor,
  );
}

/** A credential as JSON, as section 5.1 of WebAuthn 3 has it. */
function told(credential: PublicKeyCredential): Json {
  const given = credential.response as AuthenticatorAttestationResponse & AuthenticatorAssertionResponse;
  const response: Json = { clientDataJSON: base64url(given.clientDataJSON) };
  if (given.attestationObject) {
    response.attestationObject = base64url(given.attestationObject);
    response.transports = given.getTransports?.() ?? [];
  } else {
    response.authenticatorData = base64url(given.authenticatorData);
    response.signature = base64url(given.signature);
    if (given.userHandle) response.userHandle = base64url(given.userHandle);
  }
  return {
    id: credential.id,
    rawId: base64url(credential.rawId),
    type: credential.type,
    authenticatorAttachment: credential.authenticatorAttachment,
    clientExtensionResults: credential.getClientExtensionResults(),
    response,
  };
}

function bytes(text: unknown): Uint8Array<ArrayBuffer> {
  const plain = atob(String(text).replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (one) => one.charCodeAt(0));
}

function base64url(data: ArrayBuffer): string {
  const text = Array.from(new Uint8Array(data), (one) => String.fromCharCode(one)).join("");
  return btoa(text).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
}
