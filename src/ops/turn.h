// SPDX-License-Identifier: MIT
// Angles as fractions of a turn: adding positions wraps as angles do, and nothing is lost.
#ifndef GYRE_OPS_TURN_H
#define GYRE_OPS_TURN_H

#include <stdint.h>

// inv_freq radians as a 64-bit fraction of a turn, rounded to nearest; |inv_freq| < 2^32.
uint64_t gyre_turn_from_radians(double inv_freq);

// Cosine and sine of position * inv_freq radians, right to the last places of a double or to
// 2^-120; |inv_freq| < 2^32, |position| < 2^33.
void gyre_turn_cos_sin(double inv_freq, int64_t position, double *cosine, double *sine);

#endif
