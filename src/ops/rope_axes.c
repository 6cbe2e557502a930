// SPDX-License-Identifier: MIT
#include "log.h"
#include "ops/arith.h"
#include "ops/rope_config.h"

static uint32_t n_sections(const struct gyre_rope_config *config)
{
    uint32_t n = GYRE_ROPE_MAX_AXES;
    while (n > 1 && config->sections[n - 1] == 0)
        n--;
    return n;
}

uint32_t gyre_rope_n_axes(const struct gyre_rope_config *config)
{
    uint32_t n = 1;
    if (config->pair_axes != NULL) {
        for (uint32_t j = 0; j < config->rotary_dim / 2; j++)
            n = max_u32(n, config->pair_axes[j] + 1);
        return n;
    }
    switch (config->axes) {
    case GYRE_ROPE_ONE_AXIS:
        return 1;
    case GYRE_ROPE_SECTIONS:
    case GYRE_ROPE_SECTIONS_INTERLEAVED:
        return n_sections(config);
    case GYRE_ROPE_VISION:
        return 2;
    }
    return 1;
}

static uint32_t axis_in_a_row(const struct gyre_rope_config *config, uint32_t pair)
{
    uint32_t axis = 0;
    for (uint32_t end = config->sections[0]; pair >= end; end += config->sections[axis])
        axis++;
    return axis;
}

static uint32_t axis_in_turn(const struct gyre_rope_config *config, uint32_t pair)
{
    uint32_t n = n_sections(config), axis = pair % n;
    return pair < n * config->sections[axis] ? axis : 0;
}

uint32_t gyre_rope_axis_of(const struct gyre_rope_config *config, uint32_t pair)
{
    if (config->pair_axes != NULL)
        return config->pair_axes[pair];
    switch (config->axes) {
    case GYRE_ROPE_ONE_AXIS:
        return 0;
    case GYRE_ROPE_SECTIONS:
        return axis_in_a_row(config, pair);
    case GYRE_ROPE_SECTIONS_INTERLEAVED:
        return axis_in_turn(config, pair);
    case GYRE_ROPE_VISION:
        return pair >= config->rotary_dim / 4;
    }
    return 0;
}

static enum gyre_status check_sections(const struct gyre_rope_config *config,
                                       const struct gyre_log *log)
{
    const uint32_t *s = config->sections;
    uint64_t sum = (uint64_t)s[0] + s[1] + s[2] + s[3];
    if (sum != config->rotary_dim / 2)
        return gyre_fail(log, GYRE_INVALID, "rope: sections %u %u %u %u are not rotary_dim/2 = %u",
                         s[0], s[1], s[2], s[3], config->rotary_dim / 2);
    return GYRE_OK;
}

static enum gyre_status check_pair_axes(const struct gyre_rope_config *config,
                                        const struct gyre_log *log)
{
    for (uint32_t j = 0; j < config->rotary_dim / 2; j++)
        if (config->pair_axes[j] >= GYRE_ROPE_MAX_AXES)
            return gyre_fail(log, GYRE_INVALID, "rope: pair_axes[%u] %u", j, config->pair_axes[j]);
    return GYRE_OK;
}

enum gyre_status gyre_rope_axes_check(const struct gyre_rope_config *config,
                                      const struct gyre_log *log)
{
    if (config->pair_axes != NULL)
        return check_pair_axes(config, log);
    switch (config->axes) {
    case GYRE_ROPE_ONE_AXIS:
        return GYRE_OK;
    case GYRE_ROPE_SECTIONS:
    case GYRE_ROPE_SECTIONS_INTERLEAVED:
        return check_sections(config, log);
    case GYRE_ROPE_VISION:
        if (config->rotary_dim % 4 == 0)
            return GYRE_OK;
        return gyre_fail(log, GYRE_INVALID, "rope: rotary_dim %u is no multiple of 4 (axes vision)",
                         config->rotary_dim);
    }
    return gyre_fail(log, GYRE_INVALID, "rope: axes %d", (int)config->axes);
}
