// SPDX-License-Identifier: MIT
#include "ops/rope_table.h"

#include <math.h>
#include <stdlib.h>

#include "backend.h"
#include "log.h"

// --- a frequency as a fraction of a turn

// 2^192 / (2 pi), 32 bits a limb, lowest first: enough for 64 bits right of the point after
// multiplying by any double below 2^32.
enum { N_INV = 6, N_PRODUCT = 8 };
static const uint32_t inv_two_pi[N_INV] = {
    0x4f10e410, 0x36d8a566, 0x7d4d3770, 0x7f09d5f4, 0x9391054a, 0x28be60db,
};

// product = m * 2^192 / (2 pi)
static void multiply(uint64_t m, uint32_t product[N_PRODUCT])
{
    const uint32_t half[2] = {(uint32_t)m, (uint32_t)(m >> 32)};
    for (int i = 0; i < N_PRODUCT; i++)
        product[i] = 0;
    for (int h = 0; h < 2; h++) {
        uint64_t carry = 0;
        for (int i = 0; i < N_INV; i++) {
            uint64_t sum = (uint64_t)half[h] * inv_two_pi[i] + product[i + h] + carry;
            product[i + h] = (uint32_t)sum;
            carry = sum >> 32;
        }
        product[N_INV + h] = (uint32_t)carry;
    }
}

static uint32_t bit_at(const uint32_t product[N_PRODUCT], int bit)
{
    bool is_inside = bit >= 0 && bit < 32 * N_PRODUCT;
    return is_inside ? product[bit / 32] >> bit % 32 & 1u : 0;
}

uint64_t gyre_turn_from_radians(double inv_freq)
{
    int exponent;
    double fraction = frexp(fabs(inv_freq), &exponent); // fraction * 2^exponent
    uint32_t product[N_PRODUCT];
    multiply((uint64_t)ldexp(fraction, 53), product);
    // turns * 2^64 = product * 2^(exponent - 53 - 192 + 64)
    int shift = 181 - exponent;
    uint64_t turn = 0;
    for (int i = 63; i >= 0; i--)
        turn = turn << 1 | bit_at(product, shift + i);
    turn += bit_at(product, shift - 1);
    return inv_freq < 0 ? 0 - turn : turn;
}

// --- checking a configuration

static double frequency(const struct gyre_rope_config *config, uint32_t rotary_dim, uint32_t j)
{
    if (config->inv_freq != NULL)
        return config->inv_freq[j];
    double theta = config->theta != 0 ? config->theta : 10000;
    return pow(theta, -2.0 * j / rotary_dim);
}

static enum gyre_status check_config(const struct gyre_log *log,
                                     const struct gyre_rope_config *config, uint32_t rotary_dim)
{
    if (config->head_dim == 0 || config->head_dim > 1u << 20)
        return gyre_fail(log, GYRE_INVALID, "rope table: head_dim %u", config->head_dim);
    if (rotary_dim % 2 != 0)
        return gyre_fail(log, GYRE_INVALID, "rope table: rotary_dim %u is odd", rotary_dim);
    if (rotary_dim > config->head_dim || config->rotary_offset > config->head_dim - rotary_dim)
        return gyre_fail(log, GYRE_INVALID,
                         "rope table: rotary_offset %u + rotary_dim %u beyond head_dim %u",
                         config->rotary_offset, rotary_dim, config->head_dim);
    if (config->pairing != GYRE_ROPE_HALF && config->pairing != GYRE_ROPE_INTERLEAVED)
        return gyre_fail(log, GYRE_INVALID, "rope table: pairing %d", (int)config->pairing);
    if (!isfinite(config->theta) || config->theta < 0)
        return gyre_fail(log, GYRE_INVALID, "rope table: theta %g", config->theta);
    double amplitude = fabs(config->amplitude); // it and its reciprocal must fit an f32
    if (amplitude != 0 && !(amplitude >= 1e-30 && amplitude <= 1e30))
        return gyre_fail(log, GYRE_INVALID, "rope table: amplitude %g", config->amplitude);
    for (uint32_t j = 0; j < rotary_dim / 2; j++) {
        double inv_freq = frequency(config, rotary_dim, j);
        if (!(fabs(inv_freq) < 0x1p32))
            return gyre_fail(log, GYRE_INVALID, "rope table: inv_freq[%u] %g", j, inv_freq);
    }
    return GYRE_OK;
}

// --- making the table

static enum gyre_status upload(struct gyre_device *device, const uint32_t *turns, uint64_t size,
                               struct gyre_buffer **out)
{
    struct gyre_stream *stream = NULL;
    enum gyre_status status = gyre_buffer_create(device, size, out);
    if (status == GYRE_OK)
        status = gyre_stream_create(device, &stream);
    if (status == GYRE_OK)
        status = gyre_buffer_write(stream, *out, 0, size, turns);
    gyre_stream_destroy(&stream);
    if (status != GYRE_OK)
        gyre_buffer_destroy(out);
    return status;
}

static enum gyre_status make_turns(struct gyre_device *device,
                                   const struct gyre_rope_config *config, uint32_t rotary_dim,
                                   struct gyre_buffer **out)
{
    uint32_t n_pairs = rotary_dim / 2;
    uint32_t *turns = calloc(n_pairs, 2 * sizeof(*turns));
    if (turns == NULL)
        return GYRE_NO_MEMORY;
    for (uint32_t j = 0; j < n_pairs; j++) {
        uint64_t turn = gyre_turn_from_radians(frequency(config, rotary_dim, j));
        turns[2 * j] = (uint32_t)turn;
        turns[2 * j + 1] = (uint32_t)(turn >> 32);
    }
    enum gyre_status status = upload(device, turns, 2ull * n_pairs * sizeof(*turns), out);
    free(turns);
    return status;
}

enum gyre_status gyre_rope_table_create(struct gyre_device *device,
                                        const struct gyre_rope_config *config,
                                        struct gyre_rope_table **out)
{
    if (device == NULL || out == NULL)
        return GYRE_INVALID;
    *out = NULL;
    if (config == NULL)
        return gyre_fail(&device->log, GYRE_INVALID, "rope table: config is NULL");
    uint32_t rotary_dim = config->rotary_dim != 0 ? config->rotary_dim : config->head_dim;
    enum gyre_status status = check_config(&device->log, config, rotary_dim);
    if (status != GYRE_OK)
        return status;
    struct gyre_rope_table *table = calloc(1, sizeof(*table));
    if (table == NULL)
        return GYRE_NO_MEMORY;
    *table = (struct gyre_rope_table){
        .device = device,
        .head_dim = config->head_dim,
        .n_pairs = rotary_dim / 2,
        .rotary_offset = config->rotary_offset,
        .pairing = config->pairing,
        .amplitude = config->amplitude != 0 ? (float)config->amplitude : 1,
    };
    status = make_turns(device, config, rotary_dim, &table->turns);
    if (status != GYRE_OK) {
        free(table);
        return status;
    }
    *out = table;
    return GYRE_OK;
}

void gyre_rope_table_destroy(struct gyre_rope_table **table)
{
    if (table == NULL || *table == NULL)
        return;
    gyre_buffer_destroy(&(*table)->turns);
    free(*table);
    *table = NULL;
}
