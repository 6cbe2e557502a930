// SPDX-License-Identifier: MIT
// Reads a folder that describes one call of an operator as ONNX defines it: case.txt with a line
// per fact, and a .npy file per tensor.
//   op Attention
//   attr is_causal int 1
//   in  0 Q float32 4 2 9 4 8 in_0_Q.npy      slot, name, dtype, rank, shape, file
#ifndef DATA_CASE_FILE_H
#define DATA_CASE_FILE_H

#include "harness/npy.h"

enum { CASE_MAX_SLOTS = 8, CASE_MAX_ATTRS = 16 };

struct case_tensor {
    struct npy array;
    double *values; // NULL: the slot is empty
};

struct case_file {
    char op[48];
    size_t n_attrs;
    struct {
        char name[48];
        double value;
    } attrs[CASE_MAX_ATTRS];
    struct case_tensor in[CASE_MAX_SLOTS], out[CASE_MAX_SLOTS];
};

// On false `error` says what is wrong, and *out holds nothing.
bool case_file_read(const char *folder, struct case_file *out, char error[NPY_ERROR_SIZE]);
void case_file_free(struct case_file *file);

double case_file_attr(const struct case_file *file, const char *name, double otherwise);

// The first attribute whose name is not in the list, which ends with NULL; NULL when all are known.
const char *case_file_unknown_attr(const struct case_file *file, const char *const *known);

#endif
