#ifdef COLOURED
attribute vec4 colour;
varying vec3 painted;
#endif
#ifdef SURE
attribute float sure;
varying float certain;
#endif
#ifdef PICTURE
varying vec2 texel;
#endif
#ifdef POINTS
uniform float apart; // from point to point
uniform float scale;
#endif
varying vec3 place;
varying vec3 seen;
#ifdef SHAPED
varying vec3 shape;
#endif

void main() {
  vec4 world = modelMatrix * vec4(position, 1.0);
  place = world.xyz;
  vec4 view = viewMatrix * world;
  seen = view.xyz;
  gl_Position = projectionMatrix * view;
#ifdef SHAPED
  shape = normalMatrix * normal;
#endif
#ifdef COLOURED
  painted = colour.rgb;
#endif
#ifdef SURE
  certain = sure;
#endif
#ifdef PICTURE
  texel = uv;
#endif
#ifdef POINTS
  gl_PointSize = clamp(apart * scale / -view.z, 1.0, 24.0);
#endif
}
