// SPDX-License-Identifier: MIT
// Reads a file with a published model's RoPE: a line per fact, numbers with 17 digits.
//   style neox|interleaved     head_dim 128     rotary_dim 128     attention_factor 1
//   softmax_scale_multiplier 1.59                 optional
//   mrope chunked|interleaved 16 24 24            pairs of each axis; absent: one axis
//   inv_freq N      and N lines: radians per position of each pair
//   probe N         and N lines: a vector that is exact in every dtype
//   rotated P       and N lines: the probe at position P, or at P P P
#ifndef DATA_ROPE_FILE_H
#define DATA_ROPE_FILE_H

#include <stdbool.h>

#include <gyre/rope_config.h>

#include "oracle/rope.h"

enum { ROPE_FILE_MAX_DIM = 1024, ROPE_FILE_MAX_POSITIONS = 32 };

struct rope_file {
    struct oracle_rope rope;                           // whose arrays are those below
    double attention_factor, softmax_scale_multiplier; // 1: not in the file
    enum gyre_rope_axes axes;
    uint32_t sections[GYRE_ROPE_MAX_AXES];
    size_t n_axes;
    uint32_t pair_axes[ROPE_FILE_MAX_DIM / 2];
    double inv_freq[ROPE_FILE_MAX_DIM / 2], probe[ROPE_FILE_MAX_DIM];
    size_t n_positions;
    int64_t positions[ROPE_FILE_MAX_POSITIONS][GYRE_ROPE_MAX_AXES]; // of each axis
    double rotated[ROPE_FILE_MAX_POSITIONS * ROPE_FILE_MAX_DIM];    // (n_positions, head_dim)
};

// malloc'ed; NULL when the file cannot be read or makes no sense.
struct rope_file *rope_file_read(const char *path);

#endif
