"""How large the thing truly is: one length of it, as the form of a review has it."""

from oberih.catalogue.tables import Review
from oberih.i18n import say
from oberih.reconstruct.scale import LONGEST_M, SHORTEST_M
from oberih.web.inside.forms import Given
from oberih.web.inside.office.case import Case, is_open
from oberih.web.views import LengthFields
from oberih.work.flow.scaling import LONGEST, SHORTEST, KnownLength, known_length

__all__ = ["LENGTH", "length_changed", "length_fields", "length_of"]

LENGTH = ("length-share", "length-m", "length-error")
SHARE_DIGITS = 5
MILLI = 1000
NO_NUMBER = say("This is not a number.")


def length_fields(case: Case, sent: Given | None) -> LengthFields | None:
    """The fields, as somebody filled them in or else as they are kept. None: nothing is asked."""
    review = asked_of(case)
    if review is None:
        return None
    known = known_length(review)
    share, metres, error = (sent(name) for name in LENGTH) if sent is not None else texts(known)
    return LengthFields(share, metres, error, known.largest_m if known else 1.0)


def asked_of(case: Case) -> Review | None:
    """The review that can be given a length: it is open, and its model does not know its scale by itself."""
    return case.review if is_open(case.review) and case.model and not case.model.scale_known else None


def texts(known: KnownLength | None) -> tuple[str, str, str]:
    if known is None:
        return "", "", ""
    error = "" if known.error_m is None else f"{known.error_m * MILLI:.10g}"
    return f"{known.share:.{SHARE_DIGITS}f}", f"{known.metres:.10g}", error


def length_changed(case: Case, sent: Given) -> bool:
    """Whether a form has another length than the one that is kept. Of a wrong one, `length_of` says why."""
    review = asked_of(case)
    if review is None or not any(name in sent.fields for name in LENGTH):
        return False
    return texts(known_length(review)) != tuple(sent(name).strip() for name in LENGTH)


def length_of(sent: Given, errors: dict[str, str]) -> KnownLength | None:
    """The length that a form gives, None if it gives none; unless ``errors`` says what is wrong with it."""
    share, metres, error = (number(sent, name, errors) for name in LENGTH)
    if errors or (share is None and metres is None and error is None):
        return None
    if share is None:
        errors["length-share"] = say("Measure it on the model, too.")
    elif not SHORTEST <= share <= LONGEST:
        errors["length-share"] = say(
            "Choose a length that is a larger part of the model, from {least} to {most} of its largest side.",
            least=SHORTEST, most=LONGEST,
        )  # fmt: skip
    if metres is None:
        errors["length-m"] = say("Write how long it truly is, in metres.")
    elif not SHORTEST_M <= metres <= LONGEST_M:
        errors["length-m"] = say("Write it in metres, like 2.4.")
    elif error is not None and not 0 <= error < metres * MILLI:
        errors["length-error"] = say("Write it in millimetres: less than the length itself.")
    if errors or share is None or metres is None:
        return None
    return KnownLength(
        share=round(share, SHARE_DIGITS), metres=metres, error_m=None if error is None else error / MILLI
    )


def number(sent: Given, name: str, errors: dict[str, str]) -> float | None:
    text = sent(name).strip().replace(",", ".")
    try:
        return float(text) if text else None
    except ValueError:
        errors[name] = NO_NUMBER
        return None
