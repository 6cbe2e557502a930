// SPDX-License-Identifier: MIT
// Every case of linear attention on every device, against the oracle; and plans that no case makes.
#include <string.h>

#include <gyre/linear_attention.h>

#include "on_devices.h"

enum { MIN_PASSES = 180 }; // so that an empty table is noticed

static void run(enum gyre_backend_kind backend)
{
    run_cases_on_devices(backend, "linear/", MIN_PASSES);
}

TEST_EACH_BACKEND(linear, run)

// --- sums that take more scratch than longer segments save

static const struct gyre_tensor q = {.shape = {64, 64, 32, 128}},
                                kv = {.shape = {64, 128, 32, 128}};

// More than some devices bind, but each says so.
static void explain_large(struct session *session, const void *context, struct tally *tally)
{
    const struct gyre_linear_attention_params params = {
        .q = q, .k = kv, .v = kv, .out = q, .is_causal = true, .align = GYRE_ALIGN_END};
    struct result result = {.outcome = OUTCOME_PASS};
    char text[4096] = "";
    (void)context;
    enum gyre_status status =
        gyre_linear_attention_explain(session->device, &params, text, sizeof(text));
    if (status != GYRE_OK && status != GYRE_UNSUPPORTED)
        result_fail_status(&result, "gyre_linear_attention_explain", status, session->log.text);
    if (strstr(text, "segments, summed up: ") == NULL)
        result_fail(&result, "nothing said of segments:\n%s", text);
    report(session, "many heads", &result, tally);
}

static void run_large(enum gyre_backend_kind backend)
{
    run_on_devices(backend, explain_large, NULL, 1);
}

TEST_EACH_BACKEND(linear_large, run_large)
