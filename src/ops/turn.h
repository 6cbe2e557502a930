// SPDX-License-Identifier: MIT
// Angles as 64-bit fractions of a turn: adding positions wraps as angles do, and nothing is lost.
#ifndef GYRE_OPS_TURN_H
#define GYRE_OPS_TURN_H

#include <stdint.h>

// inv_freq radians as a 64-bit fraction of a turn, rounded to nearest; |inv_freq| < 2^32.
uint64_t gyre_turn_from_radians(double inv_freq);

// Cosine and sine of turn / 2^64 turns.
void gyre_turn_cos_sin(uint64_t turn, double *cosine, double *sine);

#endif
