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
#include "variants_attention.h"
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
    info->has_f16_storage = info->has_f16_math = true;
    info->is_local_mem_global = is_local_mem_global;
    return device;
}

// --- problems

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

// Two parts: those that devices exchange are f32, others what the result is.
static void add_merges(struct gyre_device *device)
{
    for (int dtype = GYRE_F32; dtype <= GYRE_BF16; dtype++)
        for (int is_f32 = 0; is_f32 <= 1; is_f32++) {
            struct gyre_attention_part parts[2];
            struct gyre_attention_merge_params params = {
                .parts = parts,
                .n_parts = 2,
                .out = {.dtype = (enum gyre_dtype)dtype, .shape = {1, 512, 32, 128}},
                .lse = {.dtype = GYRE_F32, .shape = {1, 32, 512, 1}},
            };
            parts[0] = parts[1] = (struct gyre_attention_part){params.out, params.lse};
            if (is_f32)
                parts[0].out.dtype = parts[1].out.dtype = GYRE_F32;
            gyre_attention_merge_supported(device, &params);
        }
}

// A prompt and a token of linear attention, its sums in place, rotated either way and not.
static void add_linears_of(struct gyre_device *device, const struct gyre_rope_table *table,
                           const struct storage *storage)
{
    enum { HEADS = 32, KV_HEADS = 8, DIM = 128 };
    for (uint64_t n = 1; n <= 512; n += 511) {
        struct gyre_linear_attention_params params = {
            .q = {.dtype = storage->q, .shape = {1, n, HEADS, DIM}},
            .k = {.dtype = storage->kv, .shape = {1, n, KV_HEADS, DIM}},
            .v = {.dtype = storage->kv, .shape = {1, n, KV_HEADS, DIM}},
            .out = {.dtype = storage->q, .shape = {1, n, HEADS, DIM}},
            .state = {.dtype = GYRE_F32, .shape = {1, KV_HEADS, DIM, DIM}},
            .norm = {.dtype = GYRE_F32, .shape = {1, KV_HEADS, DIM, 1}},
            .rope = table,
            .is_causal = true,
        };
        gyre_linear_attention_supported(device, &params);
        params.is_causal = false;
        gyre_linear_attention_supported(device, &params);
    }
}

static void add_linears(struct gyre_device *device)
{
    for (int pairing = GYRE_ROPE_HALF; pairing <= GYRE_ROPE_INTERLEAVED; pairing++)
        for (int i = 0; i < N_STORAGES; i++) {
            struct gyre_rope_table *table = NULL;
            const struct gyre_rope_config config = {.head_dim = 128,
                                                    .pairing = (enum gyre_rope_pairing)pairing};
            if (gyre_rope_table_create(device, &config, &table) == GYRE_OK)
                add_linears_of(device, table, &storages[i]);
            gyre_rope_table_destroy(&table);
        }
    add_linears_of(device, NULL, &storages[0]);
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
    printf("%03zu %s %u ", number, kernel->name, kernel->n_bufs);
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
    const int n_refused = plan_attentions(device);
    add_merges(device);
    add_linears(device);
    gyre_device_destroy(&device);
    for (size_t i = 0; i < n_chosen; i++) {
        print_line(i, &chosen[i]);
        if (!write_opencl(argv[1], i, &chosen[i]) || !write_spirv(argv[1], i, &chosen[i]))
            return 1;
    }
    return n_chosen == 0 || n_refused != 0;
}
