// SPDX-License-Identifier: MIT
// ONNX's operators, each through a call of gyre, and what they share.
#ifndef DATA_ONNX_H
#define DATA_ONNX_H

#include "data/case_file.h"
#include "harness/compare.h"
#include "harness/guarded.h"
#include "harness/session.h"

struct onnx_operator {
    const char *name;
    // What gyre cannot express of a case; NULL: nothing.
    const char *(*unsupported)(const struct case_file *file);
    // Runs a case, and holds its results to the file's.
    void (*run)(struct session *session, const struct case_file *file, struct bounds bounds,
                struct result *result);
};

extern const struct onnx_operator onnx_attention, onnx_rotary;

enum gyre_dtype onnx_dtype_of(const struct case_tensor *tensor);

// Copies a tensor of the file, whose axes are (batch, head, token, dim) or (batch, token, head *
// dim), into tokens [first, ...) of a dense (batch, n_tokens, head, dim).
void onnx_copy_tokens(const struct case_tensor *from, bool is_head_major, uint64_t n_batch,
                      uint64_t n_heads, uint64_t dim, uint64_t n_tokens, uint64_t first,
                      double *to);

// Holds a result to what the file says, in gyre's order of axes.
void onnx_compare(const struct guarded *got, const double *want, struct bounds bounds,
                  struct result *result);

#endif
