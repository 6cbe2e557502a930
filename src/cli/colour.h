// SPDX-License-Identifier: MIT
// Colours of a heat map: lightness rises evenly, so that it reads in grey and by colour-blind eyes.
#ifndef GYRE_CLI_COLOUR_H
#define GYRE_CLI_COLOUR_H

struct colour {
    double r, g, b; // sRGB, [0, 1]
};

// From dark violet (0) over blue and green to light yellow (1).
struct colour colour_at(double t);

#endif
