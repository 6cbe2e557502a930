// SPDX-License-Identifier: MIT
// The words that an argument struct may use, in the three languages that include it: OpenCL C, GLSL
// and C. Only these, STRUCT(name) of them and, up to 128 bytes, arrays of those. The layout is one
// (std140, no padding) where structs, u32x3 and u32x4 begin at a multiple of four words and structs
// inside others also end at one. Functions here take scalars and cast with TO_U32 and TO_I32, which
// all three understand.
#ifndef GYRE_ARGS_TYPES_H
#define GYRE_ARGS_TYPES_H

#if defined(__OPENCL_C_VERSION__)
typedef uint u32;
typedef int i32;
typedef float f32;
typedef u32 u32x2[2], u32x3[3], u32x4[4];
#define GYRE_FN   static inline
#define STRUCT(x) struct x
#define TO_U32(x) ((uint)(x))
#define TO_I32(x) ((int)(x))
#elif defined(VULKAN)
#define u32   uint
#define i32   int
#define f32   float
#define u32x2 uvec2
#define u32x3 uvec3
#define u32x4 uvec4
#define GYRE_FN
#define STRUCT(x) x
#define TO_U32(x) uint(x)
#define TO_I32(x) int(x)
#else
#include <stdint.h>
typedef uint32_t u32;
typedef int32_t i32;
typedef float f32;
typedef u32 u32x2[2], u32x3[3], u32x4[4];
#define GYRE_FN   static inline
#define STRUCT(x) struct x
#define TO_U32(x) ((uint32_t)(x))
#define TO_I32(x) ((int32_t)(x))
#endif

// Where the rows of a tensor lie: the strides of its outer dimensions, and the first row. Four
// words.
#define ROWS(x)                                                                                    \
    u32x3 x##_stride;                                                                              \
    u32 x##_offset

// Values of the dtype defines (X_DTYPE): those of enum gyre_dtype, and none.
#define DTYPE_F32  0
#define DTYPE_F16  1
#define DTYPE_BF16 2
#define DTYPE_U8   5
#define DTYPE_BITS 6 // masks: 8 keys a byte, the lowest bit first; strides count bytes
#define DTYPE_NONE 9

#endif
