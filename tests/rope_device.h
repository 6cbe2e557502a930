// SPDX-License-Identifier: MIT
// One call of gyre_rope on vectors of doubles, for tests that state facts rather than cases.
#ifndef TESTS_ROPE_DEVICE_H
#define TESTS_ROPE_DEVICE_H

#include <gyre/rope.h>

#include "harness/result.h"
#include "harness/session.h"

// Rotates x, (n, head_dim) stored as f32, vector i at positions[i], into y. False: `result` says
// what went wrong.
bool rope_on_device(struct session *session, const struct gyre_rope_config *config,
                    enum gyre_rope_direction direction, const int32_t *positions, size_t n,
                    const double *x, double *y, struct result *result);

#endif
