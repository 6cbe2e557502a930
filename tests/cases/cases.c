// SPDX-License-Identifier: MIT
#include "cases/cases.h"

#include <string.h>

#include "harness/fill.h"

static const struct case_dtypes dtype_sets[] = {
    {"f32", GYRE_F32, GYRE_F32, GYRE_F32, GYRE_F32, GYRE_ATTENTION_F32},
    {"f16", GYRE_F16, GYRE_F16, GYRE_F16, GYRE_F16, GYRE_ATTENTION_F32},
    {"bf16", GYRE_BF16, GYRE_BF16, GYRE_BF16, GYRE_BF16, GYRE_ATTENTION_F32},
    {"kv_f16", GYRE_F32, GYRE_F16, GYRE_F16, GYRE_F32, GYRE_ATTENTION_F32},
    {"kv_bf16", GYRE_F32, GYRE_BF16, GYRE_BF16, GYRE_F32, GYRE_ATTENTION_F32},
    {"mixed", GYRE_BF16, GYRE_F16, GYRE_F32, GYRE_F16, GYRE_ATTENTION_F32},
    {"bf16_dots", GYRE_BF16, GYRE_BF16, GYRE_BF16, GYRE_BF16, GYRE_ATTENTION_BF16_DOTS},
    {"f16_sums", GYRE_F16, GYRE_F16, GYRE_F16, GYRE_F16, GYRE_ATTENTION_F16_SUMS},
};

enum { N_DTYPE_SETS = sizeof(dtype_sets) / sizeof(dtype_sets[0]) };

const struct case_operator *const case_operators[] = {
    &rope_operator, &attention_operator, &attention_merge_operator, &linear_operator, NULL};

const struct case_dtypes *case_dtypes_of(unsigned bit)
{
    for (unsigned i = 0; i < N_DTYPE_SETS; i++)
        if (bit == 1u << i)
            return &dtype_sets[i];
    return NULL;
}

// Whether q and out share a dtype, and k and v do: what is embedded for Vulkan without glslang.
static bool is_embedded(const struct case_dtypes *dtypes)
{
    return dtypes->q == dtypes->out && dtypes->k == dtypes->v;
}

bool case_has_every_kernel(const struct session *session)
{
    return GYRE_HAVE_GLSLANG || session->info->backend != GYRE_BACKEND_VULKAN;
}

// NULL where UNSUPPORTED would be wrong.
static const char *skip_reason(const struct session *session, const struct case_dtypes *dtypes,
                               bool is_rare)
{
    bool is_all_f32 = dtypes->q == GYRE_F32 && dtypes->k == GYRE_F32 && dtypes->v == GYRE_F32 &&
                      dtypes->out == GYRE_F32;
    if (!case_has_every_kernel(session) && (is_rare || !is_embedded(dtypes)))
        return "no shader for this mix of dtypes and options";
    return is_all_f32 || session->info->has_f16_storage ? NULL : "no 16-bit storage";
}

void case_not_prepared(const struct session *session, const struct case_dtypes *dtypes,
                       bool is_rare, enum gyre_status status, struct result *result)
{
    const char *reason = skip_reason(session, dtypes, is_rare);
    if (status == GYRE_UNSUPPORTED && reason != NULL)
        result_skip(result, "%s", reason);
    else
        result_fail_status(result, "preparing", status, session->log.text);
}

void case_complete(struct session *session, const struct case_operator *op, void *run,
                   struct result *result)
{
    enum gyre_status status = op->enqueue(run);
    if (status == GYRE_OK)
        status = gyre_stream_finish(session->stream);
    if (status == GYRE_OK)
        op->check(run, result);
    else
        result_fail_status(result, op->name, status, session->log.text);
    op->destroy(run);
}

void case_run(struct session *session, const struct case_operator *op, size_t row,
              const struct case_dtypes *dtypes, uint64_t seed, struct result *result)
{
    *result = (struct result){.outcome = OUTCOME_PASS};
    session->log.text[0] = '\0';
    void *run = op->prepare(session, row, dtypes, seed, result);
    if (run != NULL)
        case_complete(session, op, run, result);
}

// A walk over the cases that a filter names; without a visitor it only counts.
struct walk {
    struct session *session;
    const char *filter;
    uint64_t seed;
    case_visit_fn *visit;
    void *user;
    size_t step; // one set of dtypes of each step-th row; 0: all of all
    size_t n;
};

static void visit_case(struct walk *walk, const struct case_operator *op, size_t row,
                       const struct case_dtypes *dtypes)
{
    char name[128], full[160];
    snprintf(name, sizeof(name), "%s/%s", op->row_name(row), dtypes->name);
    snprintf(full, sizeof(full), "%s/%s", op->name, name);
    if (walk->filter != NULL && strstr(full, walk->filter) == NULL)
        return;
    walk->n++;
    if (walk->visit == NULL)
        return;
    struct result result;
    struct case_id id = {walk->session->info->id, op->name, name, walk->seed};
    case_run(walk->session, op, row, dtypes, fill_seed(walk->seed, full), &result);
    walk->visit(walk->user, &id, &result);
}

// Bits of the sets that a row is run with.
static unsigned dtypes_to_run(const struct walk *walk, const struct case_operator *op, size_t row)
{
    bool is_cpu = walk->session == NULL || walk->session->info->backend == GYRE_BACKEND_CPU;
    unsigned bits = op->row_dtypes(row);
    bits &= ~(unsigned)(is_cpu ? CASE_F16_SUMS : CASE_BF16_DOTS); // which are for others
    if (bits == 0)
        return CASE_F32;
    if (walk->step == 0)
        return bits;
    for (size_t n = row / walk->step % (size_t)__builtin_popcount(bits); n > 0; n--)
        bits &= bits - 1;
    return bits & -bits;
}

static bool takes_row(const struct walk *walk, size_t row)
{
    return walk->step == 0 || (row + walk->seed) % walk->step == 0;
}

static void walk_cases(struct walk *walk)
{
    for (const struct case_operator *const *op = case_operators; *op != NULL; op++)
        for (size_t row = 0; (*op)->row_name(row) != NULL; row++)
            for (unsigned i = 0; i < N_DTYPE_SETS; i++)
                if (takes_row(walk, row) && dtypes_to_run(walk, *op, row) & 1u << i)
                    visit_case(walk, *op, row, &dtype_sets[i]);
}

void cases_run(struct session *session, const char *filter, uint64_t seed, case_visit_fn *visit,
               void *user)
{
    struct walk walk = {session, filter, seed, visit, user, 0, 0};
    walk_cases(&walk);
}

void cases_run_briefly(struct session *session, const char *filter, uint64_t seed,
                       case_visit_fn *visit, void *user)
{
    bool is_software = session->info->type == GYRE_DEVICE_SOFTWARE;
    size_t step = session->info->backend == GYRE_BACKEND_OPENCL ? 3 : 2;
    struct walk walk = {session, filter, seed, visit, user, is_software ? step : 1, 0};
    walk_cases(&walk);
}

size_t cases_count(const char *filter)
{
    struct walk walk = {.filter = filter};
    walk_cases(&walk);
    return walk.n;
}
