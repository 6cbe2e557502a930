// SPDX-License-Identifier: MIT
// A RoPE configuration on the host: from the caller's struct to frequencies and axes.
//   rope_config.c  defaults, checks, and the public functions
//   rope_kinds.c   the formula of every kind
//   rope_axes.c    which coordinate a pair follows
//   turn.c         a frequency as a fraction of a turn
#ifndef GYRE_OPS_ROPE_CONFIG_H
#define GYRE_OPS_ROPE_CONFIG_H

#include <gyre/rope_config.h>

// Both take a configuration whose defaults are filled in. INVALID, with a log line, names what the
// kind or the axes cannot do with it.
enum gyre_status gyre_rope_kind_check(const struct gyre_rope_config *config,
                                      const struct gyre_log *log);
enum gyre_status gyre_rope_axes_check(const struct gyre_rope_config *config,
                                      const struct gyre_log *log);

// For a checked configuration: radians per position of every pair, (rotary_dim/2).
void gyre_rope_kind_frequencies(const struct gyre_rope_config *config, double *inv_freq);
// The attention factor that the kind derives, and what it makes of the softmax scale.
double gyre_rope_kind_attention_factor(const struct gyre_rope_config *config);
double gyre_rope_kind_softmax_multiplier(const struct gyre_rope_config *config);

uint32_t gyre_rope_n_axes(const struct gyre_rope_config *config);
uint32_t gyre_rope_axis_of(const struct gyre_rope_config *config, uint32_t pair);

// gyre_rope_resolve, the frequencies as 64-bit fractions of a turn. The caller frees both arrays,
// (n_pairs) each, after a failure too.
enum gyre_status gyre_rope_turns(const struct gyre_rope_config *config, const struct gyre_log *log,
                                 struct gyre_rope_facts *facts, uint64_t **turns,
                                 uint32_t **pair_axes);

#endif
