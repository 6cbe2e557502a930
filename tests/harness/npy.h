// SPDX-License-Identifier: MIT
// Files of NumPy's .npy format, versions 1.0 and 2.0, C order, little endian. A file that is
// truncated or lies about its size gives an error text, never a crash and never a large allocation.
#ifndef HARNESS_NPY_H
#define HARNESS_NPY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum npy_type { NPY_F16, NPY_F32, NPY_F64, NPY_I32, NPY_I64, NPY_U8, NPY_BOOL, NPY_N_TYPES };

enum { NPY_MAX_RANK = 8, NPY_ERROR_SIZE = 256 };

struct npy {
    enum npy_type type;
    size_t rank;
    uint64_t shape[NPY_MAX_RANK];
    size_t n_items;
    void *data; // malloc'ed, n_items * npy_type_size(type) bytes
};

size_t npy_type_size(enum npy_type type);
const char *npy_type_name(enum npy_type type); // "float16", "bool", ...

// On false `error` says what is wrong with the file, and *out holds nothing.
bool npy_read(const char *path, struct npy *out, char error[NPY_ERROR_SIZE]);
bool npy_write(const char *path, const struct npy *array, char error[NPY_ERROR_SIZE]);
void npy_free(struct npy *array);

// Items as doubles, malloc'ed; NULL without memory.
double *npy_to_doubles(const struct npy *array);

#endif
