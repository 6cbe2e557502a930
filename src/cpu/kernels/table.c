// SPDX-License-Identifier: MIT
// The kernels of one instruction set.
#include "common.h"

extern const struct gyre_cpu_kernel GYRE_CPU_NAME(rope);
extern const struct gyre_cpu_kernel GYRE_CPU_NAME(attention);
extern const struct gyre_cpu_kernel GYRE_CPU_NAME(attention_split);
extern const struct gyre_cpu_kernel GYRE_CPU_NAME(attention_combine);
extern const struct gyre_cpu_kernel GYRE_CPU_NAME(attention_merge);
extern const struct gyre_cpu_kernel GYRE_CPU_NAME(scores);
extern const struct gyre_cpu_kernel GYRE_CPU_NAME(softmax);
extern const struct gyre_cpu_kernel GYRE_CPU_NAME(linear_state);
extern const struct gyre_cpu_kernel GYRE_CPU_NAME(linear_prefix);
extern const struct gyre_cpu_kernel GYRE_CPU_NAME(linear_attention);

extern const struct gyre_cpu_kernel *const GYRE_CPU_NAME(kernels)[];

const struct gyre_cpu_kernel *const GYRE_CPU_NAME(kernels)[] = {
    &GYRE_CPU_NAME(rope),
    &GYRE_CPU_NAME(attention),
    &GYRE_CPU_NAME(attention_split),
    &GYRE_CPU_NAME(attention_combine),
    &GYRE_CPU_NAME(attention_merge),
    &GYRE_CPU_NAME(scores),
    &GYRE_CPU_NAME(softmax),
    &GYRE_CPU_NAME(linear_state),
    &GYRE_CPU_NAME(linear_prefix),
    &GYRE_CPU_NAME(linear_attention),
    NULL,
};
