// SPDX-License-Identifier: MIT
#include "ops/rope_config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "log.h"
#include "ops/turn.h"

// --- defaults

static double or_default(double value, double fallback)
{
    return value != 0 ? value : fallback;
}

static uint32_t rotary_dim_of(const struct gyre_rope_config *config)
{
    if (config->rotary_dim != 0)
        return config->rotary_dim;
    bool is_all = config->kind == GYRE_ROPE_PROPORTIONAL; // whose other pairs stand still
    return is_all ? config->head_dim : (uint32_t)(config->head_dim * config->partial_rotary_factor);
}

static double default_factor(const struct gyre_rope_config *config)
{
    bool is_known = config->max_len != 0 && config->original_len != 0;
    return is_known ? (double)config->max_len / (double)config->original_len : 1;
}

static struct gyre_rope_config with_defaults(const struct gyre_rope_config *config)
{
    struct gyre_rope_config full = *config;
    full.partial_rotary_factor = or_default(config->partial_rotary_factor, 1);
    full.theta = or_default(config->theta, 10000);
    full.factor = or_default(config->factor, default_factor(config));
    full.original_len = config->original_len != 0 ? config->original_len : config->max_len;
    full.beta_fast = or_default(config->beta_fast, 32);
    full.beta_slow = or_default(config->beta_slow, 1);
    full.low_freq_factor = or_default(config->low_freq_factor, 1);
    full.high_freq_factor = or_default(config->high_freq_factor, 4);
    return full;
}

// --- checking

static enum gyre_status check_window(const struct gyre_rope_config *config,
                                     const struct gyre_log *log)
{
    uint32_t head_dim = config->head_dim, rotary_dim = config->rotary_dim;
    if (config->pairing != GYRE_ROPE_HALF && config->pairing != GYRE_ROPE_INTERLEAVED)
        return gyre_fail(log, GYRE_INVALID, "rope: pairing %d", (int)config->pairing);
    if (rotary_dim == 0 || rotary_dim % 2 != 0)
        return gyre_fail(log, GYRE_INVALID, "rope: rotary_dim %u is %s", rotary_dim,
                         rotary_dim == 0 ? "0" : "odd");
    if (rotary_dim > head_dim || config->rotary_offset > head_dim - rotary_dim)
        return gyre_fail(log, GYRE_INVALID,
                         "rope: rotary_offset %u + rotary_dim %u beyond head_dim %u",
                         config->rotary_offset, rotary_dim, head_dim);
    return GYRE_OK;
}

static enum gyre_status check_mscales(const struct gyre_rope_config *config,
                                      const struct gyre_log *log)
{
    if (!isfinite(config->mscale) || config->mscale < 0)
        return gyre_fail(log, GYRE_INVALID, "rope: mscale %g", config->mscale);
    if (!isfinite(config->mscale_all_dim) || config->mscale_all_dim < 0)
        return gyre_fail(log, GYRE_INVALID, "rope: mscale_all_dim %g", config->mscale_all_dim);
    return GYRE_OK;
}

// Takes a configuration with defaults, and fills in rotary_dim.
static enum gyre_status check(struct gyre_rope_config *config, const struct gyre_log *log)
{
    double partial = config->partial_rotary_factor;
    if (config->head_dim == 0 || config->head_dim > 1u << 20)
        return gyre_fail(log, GYRE_INVALID, "rope: head_dim %u", config->head_dim);
    if (!(partial > 0 && partial <= 1))
        return gyre_fail(log, GYRE_INVALID, "rope: partial_rotary_factor %g", partial);
    config->rotary_dim = rotary_dim_of(config);
    enum gyre_status status = check_window(config, log);
    if (status == GYRE_OK)
        status = check_mscales(config, log);
    if (status == GYRE_OK)
        status = gyre_rope_axes_check(config, log);
    if (status == GYRE_OK)
        status = gyre_rope_kind_check(config, log);
    return status;
}

// --- frequencies

// Radians per position, (rotary_dim/2).
static enum gyre_status find_frequencies(const struct gyre_rope_config *config,
                                         const struct gyre_log *log, double *inv_freq)
{
    uint32_t n = config->rotary_dim / 2;
    if (config->inv_freq == NULL)
        gyre_rope_kind_frequencies(config, inv_freq);
    else
        memcpy(inv_freq, config->inv_freq, n * sizeof(*inv_freq));
    for (uint32_t j = 0; j < n; j++) {
        double divisor = config->freq_factors != NULL ? config->freq_factors[j] : 1;
        if (!(isfinite(divisor) && divisor > 0))
            return gyre_fail(log, GYRE_INVALID, "rope: freq_factors[%u] %g", j, divisor);
        inv_freq[j] = config->is_f32 ? (float)(inv_freq[j] / divisor) : inv_freq[j] / divisor;
        if (!(fabs(inv_freq[j]) < 0x1p32))
            return gyre_fail(log, GYRE_INVALID, "rope: inv_freq[%u] %g", j, inv_freq[j]);
    }
    return GYRE_OK;
}

static enum gyre_status set_facts(const struct gyre_rope_config *config, const struct gyre_log *log,
                                  struct gyre_rope_facts *facts)
{
    *facts = (struct gyre_rope_facts){
        .n_pairs = config->rotary_dim / 2,
        .n_axes = gyre_rope_n_axes(config),
        .attention_factor =
            or_default(config->attention_factor, gyre_rope_kind_attention_factor(config)),
        .softmax_scale_multiplier = gyre_rope_kind_softmax_multiplier(config),
    };
    double factor = facts->attention_factor; // its square and their reciprocals must fit an f32
    if (!(factor >= 1e-18 && factor <= 1e18))
        return gyre_fail(log, GYRE_INVALID, "rope: attention_factor %g", facts->attention_factor);
    if (!isfinite(facts->softmax_scale_multiplier))
        return gyre_fail(log, GYRE_INVALID, "rope: mscale_all_dim %g", config->mscale_all_dim);
    return GYRE_OK;
}

// A configuration with its defaults, and what it comes to.
struct resolved {
    struct gyre_rope_config config;
    struct gyre_rope_facts facts;
    double *inv_freq; // (n_pairs), which the caller frees; NULL after a failure
};

static enum gyre_status resolve(const struct gyre_rope_config *config, const struct gyre_log *log,
                                struct resolved *out)
{
    *out = (struct resolved){.inv_freq = NULL};
    if (config == NULL)
        return gyre_fail(log, GYRE_INVALID, "rope: config is NULL");
    out->config = with_defaults(config);
    enum gyre_status status = check(&out->config, log);
    if (status == GYRE_OK)
        status = set_facts(&out->config, log, &out->facts);
    if (status != GYRE_OK)
        return status;
    out->inv_freq = calloc(out->facts.n_pairs, sizeof(*out->inv_freq));
    if (out->inv_freq == NULL)
        return GYRE_NO_MEMORY;
    status = find_frequencies(&out->config, log, out->inv_freq);
    if (status != GYRE_OK) {
        free(out->inv_freq);
        out->inv_freq = NULL;
    }
    return status;
}

static void list_axes(const struct resolved *resolved, uint32_t *pair_axes)
{
    for (uint32_t j = 0; j < resolved->facts.n_pairs; j++)
        pair_axes[j] = gyre_rope_axis_of(&resolved->config, j);
}

enum gyre_status gyre_rope_resolve(const struct gyre_rope_config *config,
                                   const struct gyre_log *log, struct gyre_rope_facts *facts,
                                   double *inv_freq, uint32_t *pair_axes)
{
    struct resolved resolved;
    enum gyre_status status = resolve(config, log, &resolved);
    if (status != GYRE_OK)
        return status;
    if (facts != NULL)
        *facts = resolved.facts;
    if (inv_freq != NULL)
        memcpy(inv_freq, resolved.inv_freq, resolved.facts.n_pairs * sizeof(*inv_freq));
    if (pair_axes != NULL)
        list_axes(&resolved, pair_axes);
    free(resolved.inv_freq);
    return GYRE_OK;
}

enum gyre_status gyre_rope_turns(const struct gyre_rope_config *config, const struct gyre_log *log,
                                 struct gyre_rope_facts *facts, uint64_t **turns,
                                 uint32_t **pair_axes)
{
    struct resolved resolved;
    *turns = NULL;
    *pair_axes = NULL;
    enum gyre_status status = resolve(config, log, &resolved);
    if (status != GYRE_OK)
        return status;
    *facts = resolved.facts;
    *turns = calloc(facts->n_pairs, sizeof(**turns));
    *pair_axes = calloc(facts->n_pairs, sizeof(**pair_axes));
    if (*turns == NULL || *pair_axes == NULL)
        status = GYRE_NO_MEMORY;
    else
        list_axes(&resolved, *pair_axes);
    for (uint32_t j = 0; j < facts->n_pairs && status == GYRE_OK; j++)
        (*turns)[j] = gyre_turn_from_radians(resolved.inv_freq[j]);
    free(resolved.inv_freq);
    return status;
}

// --- a cache of cosines and sines

static void fill_row(const struct gyre_rope_facts *facts, const double *inv_freq, int64_t position,
                     double *cosines, double *sines)
{
    for (uint32_t j = 0; j < facts->n_pairs; j++) {
        gyre_turn_cos_sin(inv_freq[j], position, &cosines[j], &sines[j]);
        cosines[j] *= facts->attention_factor;
        sines[j] *= facts->attention_factor;
    }
}

enum gyre_status gyre_rope_fill_cache(const struct gyre_rope_config *config,
                                      const struct gyre_log *log, int32_t first,
                                      uint32_t n_positions, enum gyre_dtype dtype, void *cos,
                                      void *sin)
{
    struct resolved resolved;
    if (cos == NULL || sin == NULL)
        return gyre_fail(log, GYRE_INVALID, "rope: cos or sin is NULL");
    if (dtype != GYRE_F32 && dtype != GYRE_F16 && dtype != GYRE_BF16)
        return gyre_fail(log, GYRE_INVALID, "rope: a cache of %s", gyre_dtype_name(dtype));
    enum gyre_status status = resolve(config, log, &resolved);
    if (status != GYRE_OK)
        return status;
    uint32_t n = resolved.facts.n_pairs;
    double *row = calloc(2 * (size_t)n, sizeof(*row)); // cosines, then sines
    if (row == NULL)
        status = GYRE_NO_MEMORY;
    for (uint32_t i = 0; i < n_positions && status == GYRE_OK; i++) {
        size_t at = (size_t)i * n * gyre_dtype_size(dtype);
        fill_row(&resolved.facts, resolved.inv_freq, (int64_t)first + i, row, row + n);
        gyre_dtype_from_double(dtype, row, (char *)cos + at, n);
        gyre_dtype_from_double(dtype, row + n, (char *)sin + at, n);
    }
    free(row);
    free(resolved.inv_freq);
    return status;
}
