// SPDX-License-Identifier: MIT
// Inner loops of the probes, compiled once per instruction set as the library's CPU kernels are.
#ifndef BENCH_PROBE_ISA_H
#define BENCH_PROBE_ISA_H

#include <stddef.h>
#include <stdint.h>

#define PROBE_PASTE(stem, isa)  probe_##stem##_##isa
#define PROBE_EXPAND(stem, isa) PROBE_PASTE(stem, isa)
#define PROBE_NAME(stem)        PROBE_EXPAND(stem, PROBE_ISA)

#if defined(__AVX512F__)
enum { PROBE_WIDTH = 64 };
#elif defined(__AVX__)
enum { PROBE_WIDTH = 32 };
#else
enum { PROBE_WIDTH = 16 };
#endif

// Declares the loops of one instruction set.
#define PROBE_DECLARE(isa)                                                                         \
    /* Performs n_flops operations; *sink keeps them from vanishing. */                            \
    void probe_fma_##isa(double n_flops, float *sink);                                             \
    /* Reads n bytes, a multiple of PROBE_STEP, aligned to 64. */                                  \
    uint64_t probe_read_##isa(const void *src, size_t n);                                          \
    /* Reads and writes n bytes, likewise. */                                                      \
    void probe_scale_##isa(void *data, size_t n);

enum { PROBE_STEP = 512 }; // bytes

PROBE_DECLARE(baseline)
#ifdef __x86_64__
PROBE_DECLARE(avx2)
PROBE_DECLARE(avx512)
// As probe_fma, for CPUs with AVX512_BF16.
void probe_bf16_dot(double n_flops, float *sink);
#endif

#endif
