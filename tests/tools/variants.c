// SPDX-License-Identifier: MIT
// Writes the kernels that the planner chooses on a GPU for problems that models have, for offline
// compilers: variants DIR staged|direct
//
// The planner runs for a made-up GPU that records what it is asked to compile. A line per variant:
//
//   stem  kernel  bindings  numbers,of,constants  -DNAME=VALUE ...
//
// with DIR/STEM.spv, the SPIR-V as the Vulkan backend makes it, and DIR/STEM.cl beside it.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gyre/gyre.h>

#include "backend.h"
#include "source.h"
#include "variant.h"
#include "vulkan/vk.h"

// --- a made-up GPU

enum { MAX_VARIANTS = 512 };

static struct gyre_variant chosen[MAX_VARIANTS];
static size_t n_chosen;

static enum gyre_status record(struct gyre_device *device, const struct gyre_variant *variant)
{
    (void)device;
    for (size_t i = 0; i < n_chosen; i++)
        if (gyre_variant_equal(&chosen[i], variant))
            return GYRE_OK;
    if (n_chosen == MAX_VARIANTS)
        return GYRE_NO_MEMORY;
    chosen[n_chosen++] = *variant;
    return GYRE_OK;
}

// The CPU device with a GPU's facts, whose kernels are recorded and never run.
static struct gyre_device *open_recorder(bool is_local_mem_global)
{
    static struct gyre_backend recorder;
    struct gyre_device *device;
    if (gyre_device_open(&(struct gyre_device_params){.name = "cpu", .cache_dir = ""}, &device) !=
        GYRE_OK)
        return NULL;
    recorder = gyre_backend_cpu;
    recorder.prepare = record;
    device->backend = &recorder;
    struct gyre_device_info *info = &device->info;
    info->type = GYRE_DEVICE_DISCRETE;
    info->n_units = 40;
    info->max_group_size = 1024;
    info->local_size = 32 << 10;
    info->subgroup_size = 32;
    info->has_f16_storage = true;
    info->is_local_mem_global = is_local_mem_global;
    return device;
}

// --- problems

static const struct storage {
    enum gyre_dtype q, kv;
} storages[] = {
    {GYRE_F32, GYRE_F32}, {GYRE_F16, GYRE_F16},  {GYRE_BF16, GYRE_BF16},
    {GYRE_F32, GYRE_F16}, {GYRE_F32, GYRE_BF16},
};
enum { N_STORAGES = sizeof(storages) / sizeof(*storages) };

static const uint32_t head_dims[] = {64, 128, 256};
enum { N_HEAD_DIMS = sizeof(head_dims) / sizeof(*head_dims) };

// Rotated and added to, angles from the table and from a cache of f32 and of q's own dtype.
static void add_ropes_of(struct gyre_device *device, const struct gyre_rope_table *table,
                         enum gyre_dtype dtype)
{
    struct gyre_rope_params params = {
        .table = table,
        .q = {.dtype = dtype, .shape = {1, 512, 32, 128}},
        .k = {.dtype = dtype, .shape = {1, 512, 8, 128}},
    };
    gyre_rope_supported(device, &params);
    params.direction = GYRE_ROPE_ADD_SINUSOIDS;
    gyre_rope_supported(device, &params);
    params.direction = GYRE_ROPE_FORWARD;
    params.cos = params.sin = (struct gyre_tensor){.dtype = GYRE_F32, .shape = {1, 1, 512, 64}};
    gyre_rope_supported(device, &params);
    params.cos.dtype = params.sin.dtype = dtype;
    gyre_rope_supported(device, &params);
}

static void add_ropes(struct gyre_device *device)
{
    for (int pairing = GYRE_ROPE_HALF; pairing <= GYRE_ROPE_INTERLEAVED; pairing++)
        for (int dtype = GYRE_F32; dtype <= GYRE_BF16; dtype++) {
            struct gyre_rope_table *table = NULL;
            const struct gyre_rope_config config = {.head_dim = 128,
                                                    .pairing = (enum gyre_rope_pairing)pairing};
            if (gyre_rope_table_create(device, &config, &table) == GYRE_OK)
                add_ropes_of(device, table, (enum gyre_dtype)dtype);
            gyre_rope_table_destroy(&table);
        }
}

// Grouped-query attention of 32 and 8 heads against 512 keys.
static struct gyre_attention_params problem(const struct storage *storage, uint32_t q_len,
                                            uint32_t dim)
{
    enum { HEADS = 32, KV_HEADS = 8, KEYS = 512 };
    return (struct gyre_attention_params){
        .q = {.dtype = storage->q, .shape = {1, q_len, HEADS, dim}},
        .k = {.dtype = storage->kv, .shape = {1, KEYS, KV_HEADS, dim}},
        .v = {.dtype = storage->kv, .shape = {1, KEYS, KV_HEADS, dim}},
        .out = {.dtype = storage->q, .shape = {1, q_len, HEADS, dim}},
        .is_causal = true,
    };
}

// Problems that were refused: the report would lack their kernels.
static int n_refused;

static void ask(struct gyre_device *device, const struct gyre_attention_params *params)
{
    if (gyre_attention_supported(device, params) == GYRE_OK)
        return;
    fprintf(stderr, "refused: q_len %u, head_dim %u\n", (unsigned)params->q.shape[1],
            (unsigned)params->q.shape[3]);
    n_refused++;
}

static void add_attentions(struct gyre_device *device, uint32_t q_len, uint32_t dim)
{
    struct gyre_attention_params params;
    for (int i = 0; i < N_STORAGES; i++) {
        params = problem(&storages[i], q_len, dim);
        ask(device, &params);
    }
    params = problem(&storages[1], q_len, dim);
    params.alibi_slopes = (struct gyre_tensor){.dtype = GYRE_F32, .shape = {1, 1, 1, 32}};
    ask(device, &params);
    static const enum gyre_dtype masks[] = {GYRE_U8, GYRE_F32, GYRE_F16};
    for (int i = 0; i < 3; i++) {
        params = problem(&storages[1], q_len, dim);
        params.mask = (struct gyre_tensor){.dtype = masks[i], .shape = {1, 1, q_len, 512}};
        ask(device, &params);
    }
}

static void add_scores(struct gyre_device *device)
{
    for (int stage = GYRE_SCORES_RAW; stage <= GYRE_SCORES_PROBS; stage++)
        for (int i = 0; i < 3; i++) {
            struct gyre_attention_params params = problem(&storages[i], 512, 128);
            params.scores =
                (struct gyre_tensor){.dtype = storages[i].q, .shape = {1, 32, 512, 512}};
            params.scores_stage = (enum gyre_scores_stage)stage;
            ask(device, &params);
        }
}

// --- what problems may have besides: each changes a plain one

static void add_bits(struct gyre_attention_params *params)
{
    params->mask = (struct gyre_tensor){.dtype = GYRE_U8, .shape = {1, 1, params->q.shape[1], 64}};
    params->is_mask_bits = true;
}

static void add_positions(struct gyre_attention_params *params)
{
    params->k_positions = (struct gyre_tensor){.dtype = GYRE_I32, .shape = {1, 1, 1, 512}};
}

static void add_relative(struct gyre_attention_params *params)
{
    params->relative_keys =
        (struct gyre_tensor){.dtype = params->q.dtype, .shape = {1, 65, 1, params->q.shape[3]}};
}

static void add_packed(struct gyre_attention_params *params)
{
    params->cu_q_lens = params->cu_kv_lens =
        (struct gyre_tensor){.dtype = GYRE_I32, .shape = {1, 1, 1, 9}};
}

static void add_sums(struct gyre_attention_params *params)
{
    params->key_sums = (struct gyre_tensor){.dtype = GYRE_F32, .shape = {1, 32, 1, 512}};
}

// Probabilities of keys that stand anywhere.
static void add_placed_scores(struct gyre_attention_params *params)
{
    add_positions(params);
    params->scores =
        (struct gyre_tensor){.dtype = GYRE_F32, .shape = {1, 32, params->q.shape[1], 512}};
    params->scores_stage = GYRE_SCORES_PROBS;
}

typedef void add_fn(struct gyre_attention_params *params);
static add_fn *const extras[] = {
    add_bits, add_positions, add_relative, add_packed, add_sums, add_placed_scores,
};
enum { N_EXTRAS = sizeof(extras) / sizeof(*extras) };

static void add_extras(struct gyre_device *device, uint32_t q_len)
{
    for (int i = 0; i < N_EXTRAS; i++) {
        struct gyre_attention_params params = problem(&storages[1], q_len, 128);
        extras[i](&params);
        ask(device, &params);
    }
}

// Too few rows to fill the device, so that the keys of its tiles are divided.
static void add_partial(struct gyre_device *device)
{
    struct gyre_attention_params params = problem(&storages[1], 24, 128);
    params.k.shape[1] = params.v.shape[1] = 8192;
    ask(device, &params);
}

// A cache of unrotated keys, and then q rotated with them.
static void add_rotated(struct gyre_device *device, const struct gyre_rope_table *table,
                        struct gyre_attention_params params)
{
    params.rope = table;
    params.rotates_k = true;
    ask(device, &params);
    params.rotates_q = true;
    ask(device, &params);
}

// Multi-head latent attention: one head of 512 elements, all of which are values too, and 64 that
// rotate.
static struct gyre_attention_params latent_problem(uint32_t q_len)
{
    struct gyre_attention_params params = problem(&storages[1], q_len, 512);
    params.k.shape[2] = params.v.shape[2] = 1;
    params.q2 = params.q;
    params.k2 = params.k;
    params.q2.shape[3] = params.k2.shape[3] = 64;
    return params;
}

static void add_rotations(struct gyre_device *device, uint32_t q_len)
{
    const struct gyre_attention_params latent = latent_problem(q_len);
    ask(device, &latent);
    for (int i = 0; i < 2; i++) {
        struct gyre_rope_table *table = NULL;
        const struct gyre_rope_config config = {.head_dim = i == 0 ? 128 : 64};
        if (gyre_rope_table_create(device, &config, &table) != GYRE_OK)
            n_refused++;
        add_rotated(device, table, i == 0 ? problem(&storages[1], q_len, 128) : latent);
        gyre_rope_table_destroy(&table);
    }
}

// --- writing

static bool write_file(const char *dir, size_t number, const char *suffix, const void *data,
                       size_t size)
{
    char path[1024];
    snprintf(path, sizeof(path), "%s/%03zu.%s", dir, number, suffix);
    FILE *file = fopen(path, "wb");
    if (file == NULL)
        return false;
    bool is_written = fwrite(data, 1, size, file) == size;
    return fclose(file) == 0 && is_written;
}

static bool write_opencl(const char *dir, size_t number, const struct gyre_variant *variant)
{
    char path[64], *text = NULL;
    snprintf(path, sizeof(path), "cl/%s.cl", variant->kernel->name);
    bool is_good = gyre_source_get(NULL, path, &text) == GYRE_OK &&
                   write_file(dir, number, "cl", text, strlen(text));
    free(text);
    return is_good;
}

static bool write_spirv(const char *dir, size_t number, const struct gyre_variant *variant)
{
    struct vk_device device = {0}; // without a disk cache
    struct vk_shader shader = {0};
    bool is_good = gyre_vk_shader_get(&device, variant, &shader) == GYRE_OK &&
                   write_file(dir, number, "spv", shader.words, shader.size);
    free(shader.words);
    return is_good;
}

static void print_line(size_t number, const struct gyre_variant *variant)
{
    const struct gyre_kernel *kernel = variant->kernel;
    const uint32_t n_defs = gyre_kernel_n_defs(kernel), n_consts = gyre_kernel_n_consts(kernel);
    printf("%03zu %s %u ", number, kernel->name, kernel->n_bufs + gyre_vk_has_args_buffer(kernel));
    for (uint32_t i = 0; i < n_consts; i++)
        printf("%s%u", i ? "," : "", variant->consts[i]);
    for (uint32_t i = 0; i < n_defs; i++)
        printf(" -D%s=%u", kernel->defs[i], variant->defs[i]);
    for (uint32_t i = 0; i < n_consts; i++)
        printf(" -D%s=%u", kernel->consts[i], variant->consts[i]);
    putchar('\n');
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: variants DIR staged|direct\n", stderr);
        return 2;
    }
    // Nothing runs, so nothing can be tried.
    setenv("GYRE_SELFTEST", "0", 1);
    struct gyre_device *device = open_recorder(strcmp(argv[2], "direct") == 0);
    if (device == NULL)
        return 1;
    add_ropes(device);
    for (int i = 0; i < N_HEAD_DIMS; i++) {
        add_attentions(device, 1, head_dims[i]);
        add_attentions(device, 512, head_dims[i]);
    }
    add_scores(device);
    add_extras(device, 1);
    add_extras(device, 512);
    add_partial(device);
    add_rotations(device, 1);
    add_rotations(device, 512);
    gyre_device_destroy(&device);
    for (size_t i = 0; i < n_chosen; i++) {
        print_line(i, &chosen[i]);
        if (!write_opencl(argv[1], i, &chosen[i]) || !write_spirv(argv[1], i, &chosen[i]))
            return 1;
    }
    return n_chosen == 0 || n_refused != 0;
}
