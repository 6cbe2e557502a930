// SPDX-License-Identifier: MIT
// Ranking, a pure function, over facts of real devices.
#include <criterion/criterion.h>
#include <string.h>

#include "rank.h"

#define GIB (UINT64_C(1) << 30)
#define MIB (UINT64_C(1) << 20)

enum real_device {
    RX_7900_XTX,
    RADEON_PRO_VII,
    RADEON_780M,
    RTX_3090,
    RTX_4070,
    ARC_A770,
    ARC_MTL,
    ADRENO_750,
    ADRENO_X1_85,
    MALI_G720,
    MALI_G78,
    CPU,
    LAVAPIPE,
    POCL,
    SWIFTSHADER,
    N_REAL_DEVICES
};

// Facts as users of llama.cpp's Vulkan backend reported them (the pull request or issue stands
// beside each), vulkan.gpuinfo.org for the older phones, and this project's own runs for software.
static const struct gyre_device_info real_devices[N_REAL_DEVICES] = {
    // ggml-org/llama.cpp #2059
    [RX_7900_XTX] = {.id = "vulkan:0",
                     .name = "AMD Radeon RX 7900 XTX (RADV NAVI31)",
                     .backend = GYRE_BACKEND_VULKAN,
                     .type = GYRE_DEVICE_DISCRETE,
                     .vendor_id = 0x1002,
                     .memory_size = 24 * GIB,
                     .local_size = 65536,
                     .subgroup_size = 64,
                     .max_group_size = 1024,
                     .n_units = 96,
                     .has_f16_storage = true,
                     .has_f16_math = true,
                     .has_int_dot = true,
                     .has_coop_matrix = true},
    // #12015
    [RADEON_PRO_VII] = {.id = "vulkan:1",
                        .name = "AMD Radeon (TM) Pro VII (RADV VEGA20)",
                        .backend = GYRE_BACKEND_VULKAN,
                        .type = GYRE_DEVICE_DISCRETE,
                        .vendor_id = 0x1002,
                        .memory_size = 16368 * MIB,
                        .local_size = 65536,
                        .subgroup_size = 64,
                        .max_group_size = 1024,
                        .n_units = 60,
                        .has_f16_storage = true,
                        .has_f16_math = true,
                        .has_int_dot = true},
    // Mesa, src/amd/common/ac_gpu_info.c: GFX11 without memory of its own
    [RADEON_780M] = {.id = "vulkan:2",
                     .name = "AMD Radeon 780M (RADV PHOENIX)",
                     .backend = GYRE_BACKEND_VULKAN,
                     .type = GYRE_DEVICE_INTEGRATED,
                     .vendor_id = 0x1002,
                     .memory_size = 16 * GIB,
                     .local_size = 65536,
                     .subgroup_size = 64,
                     .max_group_size = 1024,
                     .n_units = 12,
                     .has_f16_storage = true,
                     .has_f16_math = true,
                     .has_int_dot = true,
                     .has_coop_matrix = true,
                     .has_unified_memory = true},
    // #12015
    [RTX_3090] = {.id = "vulkan:3",
                  .name = "NVIDIA GeForce RTX 3090",
                  .backend = GYRE_BACKEND_VULKAN,
                  .type = GYRE_DEVICE_DISCRETE,
                  .vendor_id = 0x10de,
                  .memory_size = 24576 * MIB,
                  .local_size = 49152,
                  .subgroup_size = 32,
                  .max_group_size = 1024,
                  .n_units = 82,
                  .has_f16_storage = true,
                  .has_f16_math = true,
                  .has_int_dot = true,
                  .has_coop_matrix = true},
    // #14903
    [RTX_4070] = {.id = "vulkan:4",
                  .name = "NVIDIA GeForce RTX 4070",
                  .backend = GYRE_BACKEND_VULKAN,
                  .type = GYRE_DEVICE_DISCRETE,
                  .vendor_id = 0x10de,
                  .memory_size = 12 * GIB,
                  .local_size = 49152,
                  .subgroup_size = 32,
                  .max_group_size = 1024,
                  .n_units = 46,
                  .has_f16_storage = true,
                  .has_f16_math = true,
                  .has_int_dot = true,
                  .has_coop_matrix = true},
    // #11595, #17374
    [ARC_A770] = {.id = "vulkan:5",
                  .name = "Intel(R) Arc(tm) A770 Graphics (DG2)",
                  .backend = GYRE_BACKEND_VULKAN,
                  .type = GYRE_DEVICE_DISCRETE,
                  .vendor_id = 0x8086,
                  .memory_size = 16258 * MIB,
                  .local_size = 65536,
                  .subgroup_size = 32,
                  .max_group_size = 1024,
                  .n_units = 512,
                  .has_f16_storage = true,
                  .has_f16_math = true,
                  .has_int_dot = true},
    // #16463
    [ARC_MTL] = {.id = "vulkan:6",
                 .name = "Intel(R) Arc(tm) Graphics (MTL)",
                 .backend = GYRE_BACKEND_VULKAN,
                 .type = GYRE_DEVICE_INTEGRATED,
                 .vendor_id = 0x8086,
                 .memory_size = 24 * GIB,
                 .local_size = 65536,
                 .subgroup_size = 32,
                 .max_group_size = 1024,
                 .n_units = 128,
                 .has_f16_storage = true,
                 .has_f16_math = true,
                 .has_int_dot = true,
                 .has_unified_memory = true},
    // ggml-org/ggml #1287
    [ADRENO_750] = {.id = "vulkan:7",
                    .name = "Turnip Adreno (TM) 750",
                    .backend = GYRE_BACKEND_VULKAN,
                    .type = GYRE_DEVICE_INTEGRATED,
                    .vendor_id = 0x5143,
                    .memory_size = 8 * GIB,
                    .local_size = 32768,
                    .subgroup_size = 128,
                    .max_group_size = 1024,
                    .has_f16_storage = true,
                    .has_f16_math = true,
                    .has_unified_memory = true,
                    .is_local_mem_global = true},
    // #19569
    [ADRENO_X1_85] = {.id = "vulkan:8",
                      .name = "Qualcomm(R) Adreno(TM) X1-85 GPU",
                      .backend = GYRE_BACKEND_VULKAN,
                      .type = GYRE_DEVICE_INTEGRATED,
                      .vendor_id = 0x5143,
                      .device_id = 0x36334330,
                      .memory_size = 16 * GIB,
                      .local_size = 32768,
                      .subgroup_size = 64,
                      .max_group_size = 1024,
                      .has_f16_storage = true,
                      .has_f16_math = true,
                      .has_int_dot = true,
                      .has_unified_memory = true},
    // #27163
    [MALI_G720] = {.id = "vulkan:9",
                   .name = "Mali-G720-Immortalis MC12",
                   .backend = GYRE_BACKEND_VULKAN,
                   .type = GYRE_DEVICE_INTEGRATED,
                   .vendor_id = 0x13b5,
                   .memory_size = 12 * GIB,
                   .local_size = 32768,
                   .subgroup_size = 16,
                   .max_group_size = 1024,
                   .n_units = 12,
                   .has_f16_storage = true,
                   .has_f16_math = true,
                   .has_int_dot = true,
                   .has_unified_memory = true,
                   .is_local_mem_global = true},
    // vulkan.gpuinfo.org; strato-emu/compat-list #1450
    [MALI_G78] = {.id = "vulkan:10",
                  .name = "Mali-G78",
                  .backend = GYRE_BACKEND_VULKAN,
                  .type = GYRE_DEVICE_INTEGRATED,
                  .vendor_id = 0x13b5,
                  .memory_size = 8 * GIB,
                  .local_size = 32768,
                  .subgroup_size = 16,
                  .max_group_size = 512,
                  .has_f16_storage = true,
                  .has_f16_math = true,
                  .has_unified_memory = true,
                  .is_local_mem_global = true},
    [CPU] = {.id = "cpu",
             .name = "CPU",
             .backend = GYRE_BACKEND_CPU,
             .type = GYRE_DEVICE_CPU,
             .memory_size = 64 * GIB,
             .n_units = 16,
             .has_f16_storage = true,
             .has_unified_memory = true},
    // Mesa 22.3.6
    [LAVAPIPE] = {.id = "vulkan:11",
                  .name = "llvmpipe (LLVM 15.0.6, 256 bits)",
                  .backend = GYRE_BACKEND_VULKAN,
                  .type = GYRE_DEVICE_SOFTWARE,
                  .vendor_id = 0x10005,
                  .memory_size = 2 * GIB,
                  .local_size = 32768,
                  .subgroup_size = 8,
                  .max_group_size = 1024,
                  .has_f16_storage = true,
                  .has_f16_math = true,
                  .has_unified_memory = true},
    // PoCL 3.1
    [POCL] = {.id = "opencl:0",
              .name = "pthread-skylake-avx512-AMD EPYC",
              .backend = GYRE_BACKEND_OPENCL,
              .type = GYRE_DEVICE_SOFTWARE,
              .vendor_id = 0x8086,
              .memory_size = 64 * GIB,
              .local_size = 1 << 20,
              .max_group_size = 4096,
              .n_units = 16,
              .has_f16_storage = true,
              .has_unified_memory = true},
    // Chromium 156's
    [SWIFTSHADER] = {.id = "vulkan:12",
                     .name = "SwiftShader Device (LLVM 10.0.0)",
                     .backend = GYRE_BACKEND_VULKAN,
                     .type = GYRE_DEVICE_SOFTWARE,
                     .vendor_id = 0x1ae0,
                     .memory_size = 2 * GIB,
                     .local_size = 32768,
                     .subgroup_size = 4,
                     .max_group_size = 256,
                     .has_unified_memory = true},
};

// Every device of an earlier group is better than every device of a later one.
static int group_of(const struct gyre_device_info *info)
{
    static const int groups[GYRE_N_DEVICE_TYPES] = {
        [GYRE_DEVICE_DISCRETE] = 0, [GYRE_DEVICE_INTEGRATED] = 1, [GYRE_DEVICE_VIRTUAL] = 2,
        [GYRE_DEVICE_OTHER] = 3,    [GYRE_DEVICE_CPU] = 4,        [GYRE_DEVICE_SOFTWARE] = 5,
    };
    return groups[info->type];
}

Test(rank, kinds_come_in_order)
{
    for (size_t i = 0; i < N_REAL_DEVICES; i++)
        for (size_t j = 0; j < N_REAL_DEVICES; j++) {
            const struct gyre_device_info *a = &real_devices[i], *b = &real_devices[j];
            if (group_of(a) < group_of(b))
                cr_assert(gyre_rank_compare(a, b) < 0, "%s, %s", a->name, b->name);
        }
}

Test(rank, is_an_order)
{
    for (size_t i = 0; i < N_REAL_DEVICES; i++)
        for (size_t j = 0; j < N_REAL_DEVICES; j++) {
            int ij = gyre_rank_compare(&real_devices[i], &real_devices[j]);
            int ji = gyre_rank_compare(&real_devices[j], &real_devices[i]);
            cr_assert((ij < 0) == (ji > 0) && (ij == 0) == (ji == 0));
            for (size_t k = 0; ij <= 0 && k < N_REAL_DEVICES; k++)
                if (gyre_rank_compare(&real_devices[j], &real_devices[k]) <= 0)
                    cr_assert(gyre_rank_compare(&real_devices[i], &real_devices[k]) <= 0);
        }
}

Test(rank, the_better_of_two)
{
    static const enum real_device pairs[][2] = {
        {RX_7900_XTX, RADEON_PRO_VII},
        {RX_7900_XTX, RADEON_780M},
        {RTX_3090, RTX_4070},
        {RTX_4070, ARC_A770},
        {ARC_A770, ARC_MTL},
        {RADEON_PRO_VII, ADRENO_X1_85},
        {RADEON_780M, ARC_MTL},
        {ADRENO_X1_85, ADRENO_750},
        {MALI_G720, MALI_G78},
        {MALI_G78, CPU},
        {ADRENO_750, CPU},
        {CPU, LAVAPIPE},
        {CPU, POCL},
        {CPU, SWIFTSHADER},
        {LAVAPIPE, SWIFTSHADER},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        const struct gyre_device_info *a = &real_devices[pairs[i][0]];
        const struct gyre_device_info *b = &real_devices[pairs[i][1]];
        cr_assert(gyre_rank_compare(a, b) < 0, "%s should come before %s", a->name, b->name);
    }
}

Test(rank, sorting_numbers_and_explains)
{
    struct gyre_device_info infos[N_REAL_DEVICES];
    memcpy(infos, real_devices, sizeof(infos));
    gyre_rank_sort(infos, N_REAL_DEVICES);
    for (size_t i = 0; i < N_REAL_DEVICES; i++) {
        cr_assert(infos[i].rank == i && infos[i].why[0] != '\0');
        if (i > 0)
            cr_assert(gyre_rank_compare(&infos[i - 1], &infos[i]) <= 0);
    }
}

// lavapipe, PoCL and SwiftShader are never chosen unasked: our own CPU path is always there.
Test(rank, software_is_never_first)
{
    static const enum real_device software[] = {LAVAPIPE, POCL, SWIFTSHADER};
    for (size_t i = 0; i < 3; i++) {
        struct gyre_device_info infos[2] = {real_devices[software[i]], real_devices[CPU]};
        gyre_rank_sort(infos, 2);
        cr_assert(infos[0].type == GYRE_DEVICE_CPU);
        cr_assert(strstr(infos[1].why, "software") != NULL, "%s", infos[1].why);
    }
}

static void make_route(struct gyre_device_info *info, enum gyre_backend_kind backend,
                       const char *id)
{
    info->backend = backend;
    strcpy(info->id, id);
}

Test(rank, two_routes_to_one_device)
{
    struct gyre_device_info infos[4] = {real_devices[RTX_4070], real_devices[RTX_3090],
                                        real_devices[RTX_3090], real_devices[RTX_4070]};
    make_route(&infos[0], GYRE_BACKEND_OPENCL, "opencl:0");
    make_route(&infos[1], GYRE_BACKEND_OPENCL, "opencl:1");
    infos[0].uuid[0] = infos[3].uuid[0] = 40;
    strcpy(infos[1].pci, "0000:01:00.0"); // one by its PCI address, the other by its UUID
    strcpy(infos[2].pci, "0000:01:00.0");
    gyre_rank_sort(infos, 4);
    cr_assert(infos[0].physical == infos[1].physical && infos[2].physical == infos[3].physical);
    cr_assert(infos[0].physical != infos[2].physical);
    cr_assert(strstr(infos[0].name, "3090") != NULL && strstr(infos[2].name, "4070") != NULL);
    cr_assert(infos[0].backend == GYRE_BACKEND_VULKAN && infos[2].backend == GYRE_BACKEND_VULKAN);
}

// Two cards of one kind are two devices.
Test(rank, twins_stay_apart)
{
    struct gyre_device_info infos[2] = {real_devices[RTX_4070], real_devices[RTX_4070]};
    infos[0].uuid[0] = 1;
    infos[1].uuid[0] = 2;
    gyre_rank_sort(infos, 2);
    cr_assert(infos[0].physical != infos[1].physical);
}
