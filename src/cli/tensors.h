// SPDX-License-Identifier: MIT
// .npy files to device tensors and back. All of it complains on stderr and returns an exit code.
#ifndef GYRE_CLI_TENSORS_H
#define GYRE_CLI_TENSORS_H

#include "open.h"

// A tensor in a buffer of its own, with the number of axes its file has or will have.
struct held {
    struct gyre_tensor tensor;
    size_t rank;
};

// (token, dim), (token, head, dim) or (batch, token, head, dim), of float16, float32 or float64;
// the last is stored as f32.
int held_load(struct opened *opened, const char *path, struct held *out);

// (query, key), (head, query, key) or (batch, head, query, key): floats are added to the scores,
// and bool or uint8 say where to look.
int held_load_mask(struct opened *opened, const char *path, struct held *out);

// int32 or int64 (token) or (batch, token), as i32 (1, 1, batch, token).
int held_load_positions(struct opened *opened, const char *path, struct held *out);

// A new tensor of undefined contents.
int held_create(struct opened *opened, enum gyre_dtype dtype, const uint64_t shape[4], size_t rank,
                struct held *out);

// Contents of the contiguous tensor; malloc'ed, NULL after a complaint.
void *held_read(struct opened *opened, const struct held *held);

// Writes the tensor with its last `rank` axes; what is cut off has length 1.
int held_save(struct opened *opened, const struct held *held, const char *path);

void held_free(struct held *held); // accepts zeros

uint64_t tensor_count(const struct gyre_tensor *tensor); // elements

#endif
