// SPDX-License-Identifier: MIT
// Merging on every device: every case against the oracle, and what is told of a call against what
// the call does.
#include <stdlib.h>
#include <string.h>

#include "cases/attention_merge.h"
#include "on_devices.h"

enum { MIN_PASSES = 150 }; // so that an empty table is noticed

static void run(enum gyre_backend_kind backend)
{
    run_cases_on_devices(backend, "attention_merge/", MIN_PASSES);
}

TEST_EACH_BACKEND(attention_merge, run)

// --- what is told

// In ascending order of scratch: a stream keeps the largest.
static const struct {
    struct attention_merge_case row;
    const char *says[3];
} told[] = {
    {{"one_part", .n_parts = 1, .q_len = 3, .n_heads = 2, .v_dim = 10},
     {"parts: 1;", "1 dispatch\n", "scratch: none"}},
    {{"two_parts", .n_parts = 2, .q_len = 3, .n_heads = 2, .v_dim = 10, .has_lse = true},
     {"parts: 2;", "1 dispatch\n", "scratch: none"}},
    {{"lse_only", .n_parts = 3, .q_len = 3, .n_heads = 2, .has_no_out = true, .has_lse = true},
     {"only log-sum-exps are merged", "2 dispatches", "(48 bytes)"}},
    {{"many_parts", .n_parts = 9, .q_len = 3, .n_heads = 2, .v_dim = 10, .has_sinks = true},
     {"with: sinks", "5 dispatches", "(288 bytes)"}},
};
enum { N_TOLD = sizeof(told) / sizeof(told[0]) };

static uint64_t told_scratch(const char *text)
{
    const char *line = strstr(text, "scratch: ");
    const char *bytes = line != NULL ? strchr(line, '(') : NULL;
    return bytes != NULL ? strtoull(bytes + 1, NULL, 10) : 0;
}

static void hold(struct session *session, struct attention_merge_run *run,
                 const char *const says[3], struct result *result)
{
    char text[2048];
    const struct gyre_attention_merge_params *params = attention_merge_run_params(run);
    enum gyre_status status =
        gyre_attention_merge_explain(session->device, params, text, sizeof(text));
    if (status == GYRE_OK)
        status = attention_merge_run_enqueue(run);
    if (status == GYRE_OK)
        status = gyre_stream_finish(session->stream);
    if (status != GYRE_OK) {
        result_fail_status(result, "merging", status, session->log.text);
        return;
    }
    for (int i = 0; i < 3; i++)
        if (strstr(text, says[i]) == NULL)
            result_fail(result, "no \"%s\" in\n%s", says[i], text);
    const uint64_t taken = gyre_stream_scratch_size(session->stream);
    if (taken != told_scratch(text))
        result_fail(result, "%llu bytes of scratch, and told were\n%s", (unsigned long long)taken,
                    text);
}

static void explain_all(struct session *session, const void *context, struct tally *tally)
{
    (void)context;
    for (int i = 0; i < N_TOLD; i++) {
        struct result result = {.outcome = OUTCOME_PASS};
        struct attention_merge_run *run =
            attention_merge_prepare(session, &told[i].row, case_dtypes_of(CASE_F32), 1, &result);
        if (run != NULL)
            hold(session, run, told[i].says, &result);
        attention_merge_run_destroy(run);
        report(session, told[i].row.name, &result, tally);
    }
}

static void explain(enum gyre_backend_kind backend)
{
    run_on_devices(backend, explain_all, NULL, N_TOLD);
}

TEST_EACH_BACKEND(explain_merge, explain)
