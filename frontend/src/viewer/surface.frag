uniform int look; // as in LOOKS
uniform vec3 lamp; // towards it, in the camera's frame
uniform float lit; // 0: by the light of the photographs
uniform vec4 cut;
uniform float fade;
#ifdef PICTURE
uniform sampler2D picture;
varying vec2 texel;
#endif
#ifdef COLOURED
varying vec3 painted;
#endif
#ifdef SURE
varying float certain;
#endif
varying vec3 place;
varying vec3 seen;
#ifdef SHAPED
varying vec3 shape;
#endif

const vec3 CLAY = vec3(0.60, 0.555, 0.50); // linear
const vec3 BACK = vec3(0.117, 0.107, 0.098);
const vec3 STUDIO = vec3(-0.45, 0.62, 0.64);

// From unsure to sure, in colours that everybody tells apart: five steps of viridis, linear.
vec3 sureness(float value) {
  vec3 violet = vec3(0.058, 0.000, 0.089), blue = vec3(0.044, 0.084, 0.258), teal = vec3(0.015, 0.283, 0.262);
  vec3 green = vec3(0.112, 0.584, 0.122), yellow = vec3(0.982, 0.799, 0.019);
  float at = value * 4.0;
  if (at < 2.0) return at < 1.0 ? mix(violet, blue, at) : mix(blue, teal, at - 1.0);
  return at < 3.0 ? mix(teal, green, at - 2.0) : mix(green, yellow, at - 3.0);
}

void main() {
  if (dot(place, cut.xyz) > cut.w) discard;
  // A new level comes in grain by grain over the one before: no jump, and nothing to sort.
  if (fade < 1.0 && fract(52.9829189 * fract(dot(floor(gl_FragCoord.xy), vec2(0.06711056, 0.00583715)))) >= fade) discard;
  vec3 base = CLAY;
  bool photographed = false;
  if (look == 0) {
#ifdef PICTURE
    base = texture2D(picture, texel).rgb;
    photographed = true;
#elif defined(COLOURED)
    base = painted;
    photographed = true;
#endif
  }
#ifdef SURE
  if (look == 3) base = sureness(clamp(certain, 0.0, 1.0));
#endif
#ifdef SHAPED
  vec3 normal = normalize(shape);
#elif defined(POINTS)
  vec3 normal = vec3(0.0, 0.0, 1.0);
#else
  vec3 normal = normalize(cross(dFdx(seen), dFdy(seen)));
#endif
#ifndef POINTS
  if (!gl_FrontFacing) normal = -normal;
#endif
  if (lit > 0.5) base *= 0.06 + 1.5 * max(dot(normal, lamp), 0.0);
  else if (!photographed) {
    float light = 0.40 + 0.40 * (0.5 + 0.5 * normal.y) + 0.46 * max(dot(normal, normalize(STUDIO)), 0.0);
    // It is meant for what the eye sees, not for linear light. Colours that mean something change little by it.
    base *= look == 3 ? 0.6 + 0.4 * light : light * light;
  }
#ifndef POINTS
  if (!gl_FrontFacing && look != 2) base = mix(base, BACK, 0.7);
#endif
  gl_FragColor = vec4(base, 1.0);
  #include <colorspace_fragment>
}
