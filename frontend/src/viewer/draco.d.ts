// The part of Google's Draco decoder that is used.
declare module "three/examples/jsm/libs/draco/gltf/draco_wasm_wrapper.js" {
  interface Buffer {
    Init(data: Int8Array, length: number): void;
  }
  interface Status {
    ok(): boolean;
    error_msg(): string;
  }
  interface Mesh {
    num_faces(): number;
    num_points(): number;
  }
  interface Attribute {
    num_components(): number;
  }
  interface Decoder {
    DecodeBufferToMesh(buffer: Buffer, mesh: Mesh): Status;
    GetAttributeByUniqueId(mesh: Mesh, id: number): Attribute;
    GetAttributeDataArrayForAllPoints(mesh: Mesh, one: Attribute, type: number, bytes: number, at: number): boolean;
    GetTrianglesUInt32Array(mesh: Mesh, bytes: number, at: number): boolean;
  }
  export interface Draco {
    DecoderBuffer: new () => Buffer;
    Decoder: new () => Decoder;
    Mesh: new () => Mesh;
    DT_FLOAT32: number;
    DT_UINT8: number;
    DT_UINT16: number;
    HEAPF32: Float32Array;
    HEAPU8: Uint8Array;
    _malloc(bytes: number): number;
    _free(at: number): void;
    destroy(one: object): void;
  }
  export default function DracoDecoderModule(options: { wasmBinary: ArrayBuffer }): Promise<Draco>;
}

