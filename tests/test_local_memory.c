// SPDX-License-Identifier: MIT
// Each device has one of two kernels for many rows, by what its local memory is. Here it is told
// the opposite, so that both kernels run on every device.
#include <criterion/criterion.h>
#include <string.h>

#include "backend.h"
#include "cases/attention.h"
#include "on_devices.h"

// Rows of the case table, each with all its dtypes.
static const char *const filters[] = {
    "attention/dim_1/",
    "attention/dim_64/",
    "attention/dim_80/",
    "attention/dim_128/",
    "attention/dim_192_v_128/",
    "attention/dim_24_v_30/",
    "attention/edge_17x127/",
    "attention/edge_65x97/",
    "attention/causal_edge_65x193/",
    "attention/window_both/",
    "attention/prefix_window/",
    "attention/softcap/",
    "attention/mask_f32/",
    "attention/mask_hides_rows_",
    "attention/mixed_dtypes/",
    "attention/lse_only/",
    "attention/lse_no_v/",
    "attention/nan_causal/",
    "attention/nan_alone/",
    "attention/head_major/",
    "attention/row_gap/",
    "attention/unaligned/",
    "attention/groups_of_3/",
    "attention/lens/",
    "attention/lens_prefill/",
    "attention/lens_128/",
    "attention/lens_window_both/",
    "attention/lens_mask_u8/",
    "attention/lens_head_major/",
    "attention/starts/",
    "attention/starts_end_lens/",
    "attention/alibi/",
    "attention/alibi_v_33/",
    "attention/alibi_128/",
    "attention/alibi_mask_f32/",
    "attention/sinks/",
    "attention/sinks_nothing_seen",
    "attention/own/",
    "attention/own_mask/",
    "attention/f16_dim_",
    "attention/f16_edge_33x65/",
    "attention/f16_largest/",
    "attention/f16_packed/",
    "attention/f16_splits/",
};
enum { N_FILTERS = sizeof(filters) / sizeof(filters[0]) };

static void count(void *user, const struct case_id *id, const struct result *result)
{
    tally_add(user, result);
    if (result->outcome == OUTCOME_FAIL)
        printf("FAIL %s/%s on %s: %s\n", id->op, id->name, id->device, result->text);
}

// Whether the kernel that the device does not have is the one taken, or does not fit.
static void check_route(struct session *session, struct tally *tally)
{
    static const struct attention_case row = {
        .q_len = 33, .kv_len = 65, .n_heads = 2, .head_dim = 64};
    char text[4096] = "";
    struct result result = {.outcome = OUTCOME_PASS};
    bool is_direct = session->info->is_local_mem_global;
    const char *want =
        is_direct ? "direct from global memory: taken" : "staged through local memory: taken";
    struct attention_run *run =
        attention_prepare(session, &row, case_dtypes_of(CASE_F32), 1, &result);
    if (run != NULL)
        gyre_attention_explain(session->device, attention_run_params(run), text, sizeof(text));
    if (strstr(text, "do not fit") != NULL)
        result_skip(&result, "too small for it");
    else if (strstr(text, want) == NULL)
        result_fail(&result, "not \"%s\" but\n%s", want, text);
    report(session, "the other route", &result, tally);
    attention_run_destroy(run);
}

static void run_opposite(struct session *session, const void *context, struct tally *tally)
{
    (void)context;
    session->device->info.is_local_mem_global = !session->device->info.is_local_mem_global;
    check_route(session, tally);
    for (size_t i = 0; i < N_FILTERS; i++)
        cases_run(session, filters[i], 1, count, tally);
}

Test(local_memory, opencl)
{
    run_on_devices(GYRE_BACKEND_OPENCL, run_opposite, NULL, N_FILTERS);
}

Test(local_memory, vulkan)
{
    run_on_devices(GYRE_BACKEND_VULKAN, run_opposite, NULL, N_FILTERS);
}
