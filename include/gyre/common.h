// SPDX-License-Identifier: MIT
// General rules of the API, status codes, data types and tensor views.
//
// Rules that hold for every header:
// - Structs named `..._params` are needed only during the call. Zero is the default of every field.
// - `gyre_x_create(..., struct gyre_x **out)` sets *out to NULL on failure; `gyre_x_destroy` takes
//   NULL and a pointer to NULL, and leaves NULL behind. Objects may be destroyed in any order, once
//   no work in flight uses them: gyre_stream_finish, or the stream's destruction, waits for it.
// - The library keeps no global state, prints nothing and never aborts. Failures come back as a
//   status; the log callback given at open names the failed condition with its values.
// - A refused call leaves its outputs untouched.
#ifndef GYRE_COMMON_H
#define GYRE_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define GYRE_API __declspec(dllexport)
#elif defined(__GNUC__)
#define GYRE_API __attribute__((visibility("default")))
#else
#define GYRE_API
#endif

// Number of the API; the shared library's soversion. NEWS has a line per number.
#define GYRE_API_NUMBER 1

#ifdef __cplusplus
extern "C" {
#endif

// What every fallible function returns.
enum gyre_status {
    GYRE_OK = 0,
    GYRE_INVALID,     // the caller's bug: the log names the condition
    GYRE_UNSUPPORTED, // this device cannot: ask another
    GYRE_NO_MEMORY,   // host or device memory
    GYRE_COMPILE,     // a kernel did not build
    GYRE_DEVICE,      // the driver reported an error
    GYRE_DEVICE_LOST, // every object of this device can only be destroyed
    GYRE_TIMEOUT,     // the work goes on; wait again
};

// "ok", "invalid", ...; never NULL.
GYRE_API const char *gyre_status_name(enum gyre_status status);

// Element types. Floating-point storage is rounded once, to nearest even, on writing.
enum gyre_dtype {
    GYRE_F32 = 0,
    GYRE_F16,  // IEEE 754 binary16
    GYRE_BF16, // upper half of an f32
    GYRE_I32,  // positions
    GYRE_I64,  // positions
    GYRE_U8,   // masks: 0 hides the key, anything else shows it
    GYRE_N_DTYPES
};

// Bytes of one element; 0 for a value that is no dtype.
GYRE_API size_t gyre_dtype_size(enum gyre_dtype dtype);

// "f32", "f16", ...; "?" for a value that is no dtype.
GYRE_API const char *gyre_dtype_name(enum gyre_dtype dtype);

// Host conversions of n elements between double and a floating-point dtype, rounding to nearest
// even. They exist so that tools and tests agree with the kernels about storage. Thread-safe.
GYRE_API void gyre_dtype_from_double(enum gyre_dtype dtype, const double *src, void *dst, size_t n);
GYRE_API void gyre_dtype_to_double(enum gyre_dtype dtype, const void *src, double *dst, size_t n);

struct gyre_buffer;

// A view of a buffer as a tensor of four axes, passed by value. The meaning of the axes stands
// beside each use; a tensor of fewer axes has 1 in the ones it lacks.
//
// Strides are in elements; all zero means contiguous. The last axis must be contiguous
// (stride[3] == 1, or shape[3] <= 1). Stride 0 on another axis repeats the same data along it,
// legal for inputs only. An axis of length 0 is legal (except head_dim): there is nothing to do.
//
// Limits: lengths up to 2^30, strides below 2^32. On a GPU a tensor spans at most 3 * 2^30 elements
// and the device's max_binding_size bytes; beyond, UNSUPPORTED.
//
// A view of zeros is an absent tensor.
struct gyre_tensor {
    struct gyre_buffer *buffer;
    uint64_t offset; // bytes; a multiple of the element size
    enum gyre_dtype dtype;
    uint64_t shape[4];
    uint64_t stride[4];
};

// Version of the library that runs, "major.minor.patch".
GYRE_API const char *gyre_version(void);

#ifdef __cplusplus
}
#endif

#endif
