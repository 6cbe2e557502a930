// SPDX-License-Identifier: MIT
// The formulas of enum gyre_rope_kind, as Hugging Face's modeling_rope_utils has them, in double
// precision. What a field is for, and where a kind was published, stands in gyre/rope_config.h.
#include <math.h>

#include "log.h"
#include "ops/rope_config.h"

static const double PI = 3.14159265358979323846;

// --- NTK

static bool is_beyond(const struct gyre_rope_config *config)
{
    return config->seq_len > config->original_len;
}

static double ntk_theta(const struct gyre_rope_config *config, double factor)
{
    double d = config->rotary_dim;
    return config->theta * pow(factor, d / (d - 2));
}

static double dynamic_theta(const struct gyre_rope_config *config)
{
    if (!is_beyond(config))
        return config->theta;
    double ratio = (double)config->seq_len / (double)config->original_len;
    return ntk_theta(config, config->factor * ratio - (config->factor - 1));
}

// --- checking

static enum gyre_status check_positive(const struct gyre_log *log, const char *field, double value)
{
    if (isfinite(value) && value > 0)
        return GYRE_OK;
    return gyre_fail(log, GYRE_INVALID, "rope: %s %g", field, value);
}

// Every number that a formula divides by or takes the logarithm of.
static enum gyre_status check_numbers(const struct gyre_rope_config *config,
                                      const struct gyre_log *log)
{
    const struct {
        const char *field;
        double value;
    } numbers[] = {
        {"theta", config->theta},
        {"factor", config->factor},
        {"beta_fast", config->beta_fast},
        {"beta_slow", config->beta_slow},
        {"low_freq_factor", config->low_freq_factor},
        {"high_freq_factor", config->high_freq_factor},
    };
    enum gyre_status status = GYRE_OK;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers) && status == GYRE_OK; i++)
        status = check_positive(log, numbers[i].field, numbers[i].value);
    return status;
}

static enum gyre_status check_factors(const struct gyre_rope_config *config,
                                      const struct gyre_log *log, const char *field,
                                      const double *factors, uint32_t n)
{
    enum gyre_status status = GYRE_OK;
    if (factors == NULL || n != config->rotary_dim / 2)
        return gyre_fail(log, GYRE_INVALID, "rope: %s has %u numbers, not rotary_dim/2 = %u", field,
                         factors == NULL ? 0 : n, config->rotary_dim / 2);
    for (uint32_t j = 0; j < n && status == GYRE_OK; j++)
        status = check_positive(log, field, factors[j]);
    return status;
}

static enum gyre_status check_longrope(const struct gyre_rope_config *config,
                                       const struct gyre_log *log)
{
    enum gyre_status status =
        check_factors(config, log, "short_factor", config->short_factor, config->n_short_factor);
    if (status == GYRE_OK)
        status =
            check_factors(config, log, "long_factor", config->long_factor, config->n_long_factor);
    return status;
}

static bool needs_length(enum gyre_rope_kind kind)
{
    return kind == GYRE_ROPE_DYNAMIC || kind == GYRE_ROPE_YARN || kind == GYRE_ROPE_LONGROPE ||
           kind == GYRE_ROPE_LLAMA3;
}

static enum gyre_status check_ntk(const struct gyre_rope_config *config, const struct gyre_log *log)
{
    if (config->rotary_dim <= 2)
        return gyre_fail(log, GYRE_INVALID, "rope: rotary_dim %u is too small for NTK",
                         config->rotary_dim);
    bool is_dynamic = config->kind == GYRE_ROPE_DYNAMIC;
    double theta = is_dynamic ? dynamic_theta(config) : ntk_theta(config, config->factor);
    if (!isfinite(theta) || theta <= 0)
        return gyre_fail(log, GYRE_INVALID, "rope: factor %g makes theta %g", config->factor,
                         theta);
    return GYRE_OK;
}

// What only the frequencies of the kind need.
static enum gyre_status check_kind(const struct gyre_rope_config *config,
                                   const struct gyre_log *log)
{
    bool is_vision = config->pair_axes == NULL && config->axes == GYRE_ROPE_VISION;
    if (needs_length(config->kind) && config->original_len == 0)
        return gyre_fail(log, GYRE_INVALID, "rope: original_len and max_len are 0");
    if (config->kind == GYRE_ROPE_NTK || config->kind == GYRE_ROPE_DYNAMIC)
        return check_ntk(config, log);
    if (config->kind == GYRE_ROPE_YARN && config->theta <= 1)
        return gyre_fail(log, GYRE_INVALID, "rope: theta %g with yarn", config->theta);
    if (config->kind == GYRE_ROPE_PROPORTIONAL && config->rotary_dim != config->head_dim)
        return gyre_fail(log, GYRE_INVALID, "rope: rotary_dim %u with proportional",
                         config->rotary_dim);
    if (config->kind == GYRE_ROPE_LONGROPE && is_vision)
        return gyre_fail(log, GYRE_INVALID, "rope: axes vision with longrope");
    return config->kind == GYRE_ROPE_LONGROPE ? check_longrope(config, log) : GYRE_OK;
}

enum gyre_status gyre_rope_kind_check(const struct gyre_rope_config *config,
                                      const struct gyre_log *log)
{
    if ((unsigned)config->kind > GYRE_ROPE_PROPORTIONAL)
        return gyre_fail(log, GYRE_INVALID, "rope: kind %d", (int)config->kind);
    enum gyre_status status = check_numbers(config, log);
    if (status != GYRE_OK)
        return status;
    if (config->beta_fast < config->beta_slow)
        return gyre_fail(log, GYRE_INVALID, "rope: beta_fast %g below beta_slow %g",
                         config->beta_fast, config->beta_slow);
    if (config->high_freq_factor < config->low_freq_factor)
        return gyre_fail(log, GYRE_INVALID, "rope: high_freq_factor %g below low_freq_factor %g",
                         config->high_freq_factor, config->low_freq_factor);
    return config->inv_freq == NULL ? check_kind(config, log) : GYRE_OK;
}

// --- frequencies

// theta^(-2j / dim)
static double power(double theta, uint32_t j, uint32_t dim)
{
    return pow(theta, -2.0 * j / dim);
}

// The pair, as a real number, whose wave turns so often within original_len.
static double pair_turning(const struct gyre_rope_config *config, double turns)
{
    return config->rotary_dim * log((double)config->original_len / (turns * 2 * PI)) /
           (2 * log(config->theta));
}

// How much of pair j is interpolated: 0 up to the pair of beta_fast, 1 from that of beta_slow on.
static double yarn_ramp(const struct gyre_rope_config *config, uint32_t j)
{
    double low = pair_turning(config, config->beta_fast);
    double high = pair_turning(config, config->beta_slow);
    if (!config->is_untruncated) {
        low = floor(low);
        high = ceil(high);
    }
    low = fmax(low, 0);
    high = fmin(high, config->rotary_dim - 1.0);
    if (low == high)
        high += 0.001;
    return fmin(fmax((j - low) / (high - low), 0), 1);
}

static double yarn(const struct gyre_rope_config *config, uint32_t j)
{
    double f = power(config->theta, j, config->rotary_dim), ramp = yarn_ramp(config, j);
    return f / config->factor * ramp + f * (1 - ramp);
}

static double longrope(const struct gyre_rope_config *config, uint32_t j)
{
    const double *factors = is_beyond(config) ? config->long_factor : config->short_factor;
    return power(config->theta, j, config->rotary_dim) / factors[j];
}

static double llama3(const struct gyre_rope_config *config, uint32_t j)
{
    double f = power(config->theta, j, config->rotary_dim);
    double waves = (double)config->original_len * f / (2 * PI); // within the original length
    double low = config->low_freq_factor, high = config->high_freq_factor;
    if (waves > high || low == high)
        return waves < low ? f / config->factor : f;
    double blend = fmin(fmax((waves - low) / (high - low), 0), 1);
    return (1 - blend) * f / config->factor + blend * f;
}

static double proportional(const struct gyre_rope_config *config, uint32_t j)
{
    uint32_t n_turning = (uint32_t)(config->partial_rotary_factor * config->head_dim / 2);
    return j < n_turning ? power(config->theta, j, config->head_dim) / config->factor : 0;
}

static double frequency(const struct gyre_rope_config *config, uint32_t j)
{
    switch (config->kind) {
    case GYRE_ROPE_DEFAULT:
        return power(config->theta, j, config->rotary_dim);
    case GYRE_ROPE_LINEAR:
        return power(config->theta, j, config->rotary_dim) / config->factor;
    case GYRE_ROPE_NTK:
        return power(ntk_theta(config, config->factor), j, config->rotary_dim);
    case GYRE_ROPE_DYNAMIC:
        return power(dynamic_theta(config), j, config->rotary_dim);
    case GYRE_ROPE_YARN:
        return yarn(config, j);
    case GYRE_ROPE_LONGROPE:
        return longrope(config, j);
    case GYRE_ROPE_LLAMA3:
        return llama3(config, j);
    case GYRE_ROPE_PROPORTIONAL:
        return proportional(config, j);
    }
    return 0;
}

void gyre_rope_kind_frequencies(const struct gyre_rope_config *config, double *inv_freq)
{
    struct gyre_rope_config half = *config; // one of vision's two axes: a head half as long
    bool is_vision = config->pair_axes == NULL && config->axes == GYRE_ROPE_VISION;
    uint32_t n = config->rotary_dim / 2;
    half.rotary_dim /= 2;
    for (uint32_t j = 0; j < n; j++)
        inv_freq[j] = is_vision ? frequency(&half, j % (n / 2)) : frequency(config, j);
}

// --- amplitudes

// YaRN's m(s), arXiv 2309.00071 section 3.4
static double yarn_mscale(double factor, double s)
{
    return factor > 1 ? 0.1 * s * log(factor) + 1 : 1;
}

double gyre_rope_kind_attention_factor(const struct gyre_rope_config *config)
{
    double factor = config->factor;
    if (config->kind == GYRE_ROPE_YARN && config->mscale != 0 && config->mscale_all_dim != 0)
        return yarn_mscale(factor, config->mscale) / yarn_mscale(factor, config->mscale_all_dim);
    if (config->kind == GYRE_ROPE_YARN)
        return yarn_mscale(factor, 1);
    if (config->kind == GYRE_ROPE_LONGROPE && factor > 1)
        return sqrt(1 + log(factor) / log((double)config->original_len));
    return 1;
}

double gyre_rope_kind_softmax_multiplier(const struct gyre_rope_config *config)
{
    if (config->kind != GYRE_ROPE_YARN)
        return 1;
    double m = yarn_mscale(config->factor, config->mscale_all_dim);
    return m * m;
}
