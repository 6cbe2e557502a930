// SPDX-License-Identifier: MIT
// Kernels of attention name more buffers than some devices bind at once. Here each Vulkan device is
// told that it binds only a few, so that what a problem lacks must do without a binding.
#include <criterion/criterion.h>

#include "cases/attention.h"
#include "on_devices.h"
#include "vulkan/vk.h"

enum { FEW = 7, TOO_FEW = 3 };

// Cases with at most FEW tensors and lists.
static const char *const filters[] = {
    "attention/dim_64/f32",       "attention/edge_1x1027/f32",  "attention/mask_f32/f32",
    "attention/lens_prefill/f32", "attention/starts/f32",       "attention/alibi/f32",
    "attention/sinks/f32",        "attention/scores_probs/f32",
};
enum { N_FILTERS = sizeof(filters) / sizeof(filters[0]) };

static struct vk_device *vulkan_of(struct session *session)
{
    return (struct vk_device *)session->device;
}

// Fewer than any attention needs: q, k, v and out.
static void check_refusal(struct session *session, struct tally *tally)
{
    static const struct attention_case row = {
        .q_len = 33, .kv_len = 65, .n_heads = 2, .head_dim = 64};
    struct result result = {.outcome = OUTCOME_PASS};
    struct attention_run *run =
        attention_prepare(session, &row, case_dtypes_of(CASE_F32), 1, &result);
    vulkan_of(session)->max_bindings = TOO_FEW;
    enum gyre_status status =
        run != NULL ? gyre_attention_supported(session->device, attention_run_params(run))
                    : GYRE_OK;
    if (run != NULL && status != GYRE_UNSUPPORTED)
        result_fail(&result, "%d bindings: %s", TOO_FEW, gyre_status_name(status));
    report(session, "too few bindings", &result, tally);
    attention_run_destroy(run);
}

static void run_with_few(struct session *session, const void *context, struct tally *tally)
{
    (void)context;
    check_refusal(session, tally);
    vulkan_of(session)->max_bindings = FEW;
    for (size_t i = 0; i < N_FILTERS; i++)
        cases_run(session, filters[i], 1, report_case, tally);
}

Test(few_bindings, vulkan)
{
    run_on_devices(GYRE_BACKEND_VULKAN, run_with_few, NULL, N_FILTERS + 1);
}

// A module is a header of 5 words, then instructions: their length in words and what they do.
Test(few_bindings, capabilities)
{
    enum { CAPABILITY = 2 << 16 | 17, SHADER = 1, FLOAT16 = 9, STORAGE = 4433 };
    uint32_t words[] = {
        0x07230203, 0,      0,          2,       0, // magic, version, generator, bound
        CAPABILITY, SHADER, CAPABILITY, FLOAT16,
    };
    const struct vk_shader shader = {words, sizeof(words), 0};
    struct vk_needs needs = gyre_vk_shader_needs(&shader, NULL, 0);
    cr_assert(needs.f16_math && !needs.f16_storage);
    words[8] = STORAGE;
    needs = gyre_vk_shader_needs(&shader, NULL, 0);
    cr_assert(!needs.f16_math && needs.f16_storage);
}

Test(few_bindings, decorations)
{
    enum { DECORATE = 4 << 16 | 71, FUNCTION = 5 << 16 | 54, BINDING = 33, SET = 34 };
    uint32_t words[] = {
        0x07230203, 0, 0,       9,  0, // magic, version, generator, bound
        DECORATE,   1, BINDING, 0,     // absent
        DECORATE,   2, BINDING, 1,     // the first that is there
        DECORATE,   3, BINDING, 3,     // absent
        DECORATE,   3, SET,     3,     // no binding
        DECORATE,   4, BINDING, 20,    // past the buffers: arguments
        FUNCTION,   5, 6,       0,  7, // the end of declarations
        DECORATE,   8, BINDING, 3,
    };
    struct vk_shader shader = {words, sizeof(words), 0};
    gyre_vk_shader_unbind(&shader, 1u << 0 | 1u << 3);
    const uint32_t want[] = {1, 1, 1, 3, 20};
    for (size_t i = 0; i < sizeof(want) / sizeof(*want); i++)
        cr_assert(words[5 + 4 * i + 3] == want[i], "decoration %zu says %u, not %u", i,
                  words[5 + 4 * i + 3], want[i]);
    cr_assert(words[5 + 4 * 5 + 5 + 3] == 3, "what follows declarations was changed");
}
