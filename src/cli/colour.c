// SPDX-License-Identifier: MIT
#include "colour.h"

#include <math.h>

static const double pi = 3.141592653589793;

// sRGB's transfer function, IEC 61966-2-1.
static double encode(double linear)
{
    double clipped = fmin(fmax(linear, 0), 1);
    return clipped <= 0.0031308 ? 12.92 * clipped : 1.055 * pow(clipped, 1 / 2.4) - 0.055;
}

// Oklab to sRGB; matrices as published in https://bottosson.github.io/posts/oklab.
static struct colour from_oklab(double lightness, double a, double b)
{
    double l = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3);
    double m = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3);
    double s = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3);
    return (struct colour){
        encode(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
        encode(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
        encode(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s),
    };
}

struct colour colour_at(double t)
{
    t = fmin(fmax(t, 0), 1);
    double lightness = 0.24 + 0.68 * t;
    double chroma = 0.1 + 0.07 * t * t * t;
    double hue = (305 - 200 * t) * pi / 180; // violet, blue, green, yellow
    return from_oklab(lightness, chroma * cos(hue), chroma * sin(hue));
}
