// SPDX-License-Identifier: MIT
// The one list of kernels. Each is a name in four places: args/, cpu/kernels/, cl/ and shaders/.
#ifndef GYRE_KERNELS_H
#define GYRE_KERNELS_H

#include "backend.h"

extern const struct gyre_kernel gyre_kernel_rope;
extern const struct gyre_kernel gyre_kernel_attention;
extern const struct gyre_kernel gyre_kernel_attention_split;
extern const struct gyre_kernel gyre_kernel_attention_combine;
extern const struct gyre_kernel gyre_kernel_attention_merge;
extern const struct gyre_kernel gyre_kernel_scores;
extern const struct gyre_kernel gyre_kernel_softmax;
extern const struct gyre_kernel gyre_kernel_linear_state;
extern const struct gyre_kernel gyre_kernel_linear_prefix;
extern const struct gyre_kernel gyre_kernel_linear_attention;

#endif
