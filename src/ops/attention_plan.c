// SPDX-License-Identifier: MIT
// Which kernels an attention takes, and why.
#include "ops/attention_plan.h"

#include "log.h"
#include "ops/attention_routes.h"
#include "ops/attention_trial.h"

// A way to run the fused attention.
struct route {
    const char *name;
    const char *(*refuse)(const struct gyre_device_info *info,
                          const struct gyre_attention_problem *p);
    gyre_attention_add_fn *add;
};

// In the order in which they are tried.
static const struct route routes[] = {
    {"split over keys, combined", gyre_attention_refuse_split, gyre_attention_add_split},
    {"tiles of packed rows", gyre_attention_refuse_cpu, gyre_attention_add_cpu},
    {"staged through local memory, keys split", gyre_attention_refuse_staged_splits,
     gyre_attention_add_staged_splits},
    {"staged through local memory", gyre_attention_refuse_staged, gyre_attention_add_staged},
    {"direct from global memory, keys split", gyre_attention_refuse_direct_splits,
     gyre_attention_add_direct_splits},
    {"direct from global memory", gyre_attention_refuse_direct, gyre_attention_add_direct},
};

// GYRE_OK: the route is in the plan and compiled. Otherwise the plan is as before.
static enum gyre_status try_route(struct gyre_device *device,
                                  const struct gyre_attention_problem *p, const struct route *route,
                                  struct gyre_plan *plan, const char **refusal,
                                  struct gyre_text *text)
{
    enum gyre_status status = GYRE_UNSUPPORTED;
    const char *why = route->refuse(&device->info, p);
    if (why == NULL) {
        gyre_attention_add_first(device, p, plan);
        route->add(device, p, plan);
        status = gyre_attention_prepare(device, p, plan, route->add, GYRE_PART_FUSED, &why);
    }
    gyre_text_add(text, "  %s: %s", route->name, status == GYRE_OK ? "taken" : why);
    if (status == GYRE_OK)
        gyre_attention_explain_route(plan, text);
    gyre_text_add(text, "\n");
    *refusal = why;
    if (status != GYRE_OK)
        gyre_plan_clear(plan);
    return status;
}

enum gyre_status gyre_attention_plan_fused(struct gyre_device *device,
                                           const struct gyre_attention_problem *p,
                                           struct gyre_plan *plan, struct gyre_text *text)
{
    enum gyre_status status = GYRE_UNSUPPORTED;
    const char *why = NULL;
    for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
        status = try_route(device, p, &routes[i], plan, &why, text);
        // A kernel that this device cannot run or build gives way to the next.
        if (status != GYRE_UNSUPPORTED && status != GYRE_COMPILE)
            return status;
    }
    return gyre_fail(&device->log, status, "attention on %s: %s", device->info.id, why);
}

// Adds the sums of probabilities to a plan that writes LSE.
static enum gyre_status plan_key_sums(struct gyre_device *device,
                                      const struct gyre_attention_problem *p,
                                      struct gyre_plan *plan, struct gyre_text *text)
{
    gyre_attention_add_key_sums(device, p, plan);
    const char *why;
    enum gyre_status status = gyre_attention_prepare(device, p, plan, NULL, GYRE_PART_SUMS, &why);
    gyre_text_add(text, "  sums over queries: %s\n",
                  status == GYRE_OK ? "by a kernel, from LSE" : why);
    return status == GYRE_OK
               ? GYRE_OK
               : gyre_fail(&device->log, status, "key sums on %s: %s", device->info.id, why);
}

static enum gyre_status plan_results(struct gyre_device *device,
                                     const struct gyre_attention_problem *p, struct gyre_plan *plan,
                                     struct gyre_text *text)
{
    enum gyre_status status = GYRE_OK;
    if (p->q_len != 0)
        status = gyre_attention_plan_fused(device, p, plan, text);
    if (status == GYRE_OK && p->has_key_sums)
        status = plan_key_sums(device, p, plan, text);
    return status;
}

enum gyre_status gyre_attention_plan(struct gyre_device *device,
                                     const struct gyre_attention_problem *problem,
                                     struct gyre_plan *plan, struct gyre_text *text)
{
    gyre_plan_clear(plan);
    gyre_attention_explain_problem(&device->info, problem, text);
    const char *why = gyre_attention_refuse_precision(&device->info, problem);
    if (why != NULL) {
        gyre_text_add(text, "  refused: %s\n", why);
        return gyre_fail(&device->log, GYRE_UNSUPPORTED, "attention on %s: %s", device->info.id,
                         why);
    }
    if (problem->n_batch == 0 || problem->n_heads == 0)
        return GYRE_OK;
    bool needs_fused = problem->has_out || problem->has_lse || problem->has_key_sums;
    enum gyre_status status = GYRE_OK;
    if (problem->has_scores)
        status = gyre_attention_plan_scores(device, problem, plan, &needs_fused, text);
    if (status != GYRE_OK || !needs_fused)
        return status;
    struct gyre_plan scores = *plan;
    gyre_plan_clear(plan);
    status = plan_results(device, problem, plan, text);
    if (status == GYRE_OK)
        gyre_plan_append(plan, &scores);
    return status;
}
