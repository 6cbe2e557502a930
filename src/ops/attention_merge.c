// SPDX-License-Identifier: MIT
#include "ops/attention_merge.h"

#include "log.h"
#include "ops/arith.h"

// Checks, plans the first dispatch, compiles and, the first time, tries.
static enum gyre_status plan_call(const struct gyre_check *check, struct gyre_device *device,
                                  const struct gyre_attention_merge_params *params,
                                  struct gyre_attention_merge_problem *problem,
                                  struct gyre_plan *plan)
{
    enum gyre_status status = gyre_attention_merge_check(check, params, problem);
    if (status != GYRE_OK)
        return status;
    gyre_attention_merge_plan(check, problem, 0, plan);
    const char *limit = gyre_plan_check_limits(&device->info, plan);
    if (limit != NULL)
        return gyre_fail(&device->log, GYRE_UNSUPPORTED, "%s on %s: %s", check->verb,
                         device->info.id, limit);
    status = gyre_plan_prepare(device, plan);
    return status == GYRE_OK ? gyre_attention_merge_try(device, problem, plan) : status;
}

enum gyre_status gyre_attention_merge_run(const struct gyre_check *check,
                                          struct gyre_stream *stream,
                                          const struct gyre_attention_merge_problem *problem)
{
    enum gyre_status status = GYRE_OK;
    struct gyre_plan plan;
    for (uint32_t i = 0; i < problem->n_parts && status == GYRE_OK; i += MERGE_PARTS) {
        gyre_attention_merge_plan(check, problem, i, &plan);
        status = gyre_plan_run(stream, &plan);
    }
    return status;
}

enum gyre_status gyre_attention_merge(struct gyre_stream *stream,
                                      const struct gyre_attention_merge_params *params)
{
    if (stream == NULL)
        return GYRE_INVALID;
    const struct gyre_check check = {"attention merge", stream->device, true};
    struct gyre_attention_merge_problem problem;
    struct gyre_plan plan;
    enum gyre_status status = plan_call(&check, stream->device, params, &problem, &plan);
    return status == GYRE_OK ? gyre_attention_merge_run(&check, stream, &problem) : status;
}

enum gyre_status gyre_attention_merge_supported(struct gyre_device *device,
                                                const struct gyre_attention_merge_params *params)
{
    return gyre_attention_merge_explain(device, params, NULL, 0);
}

// What was decided, and why.
static void explain(const struct gyre_attention_merge_problem *p, const struct gyre_plan *plan,
                    struct gyre_text *text)
{
    const uint32_t n = div_up(p->n_parts, MERGE_PARTS);
    if (p->out.is_present)
        gyre_text_add(text, "  storage: parts %s, output %s; arithmetic: f32\n",
                      gyre_dtype_name(p->part_dtype), gyre_dtype_name(p->out.dtype));
    else
        gyre_text_add(text, "  only log-sum-exps are merged; arithmetic: f32\n");
    if (p->sinks.is_present)
        gyre_text_add(text, "  with: sinks\n");
    if (plan->n_steps == 0)
        gyre_text_add(text, "  nothing to do: no rows, or nothing in them\n");
    else if (n == 1)
        gyre_text_add(text, "  parts: %u; a dispatch takes up to %d: 1 dispatch\n", p->n_parts,
                      MERGE_PARTS);
    else
        gyre_text_add(text,
                      "  parts: %u; a dispatch takes up to %d: %u dispatches, all as the first, "
                      "which pass sums on in scratch\n",
                      p->n_parts, MERGE_PARTS, n);
    gyre_plan_explain(plan, text);
}

enum gyre_status gyre_attention_merge_explain(struct gyre_device *device,
                                              const struct gyre_attention_merge_params *params,
                                              char *text, size_t size)
{
    if (device == NULL)
        return GYRE_INVALID;
    if (text == NULL && size != 0)
        return gyre_fail(&device->log, GYRE_INVALID, "attention merge explain: text is NULL");
    if (size != 0)
        text[0] = '\0';
    const struct gyre_check check = {"attention merge", device, false};
    struct gyre_text out = {text, size};
    struct gyre_attention_merge_problem problem;
    struct gyre_plan plan;
    enum gyre_status status = plan_call(&check, device, params, &problem, &plan);
    gyre_text_add(&out, "attention merge on %s (%s): %s\n", device->info.id, device->info.name,
                  gyre_status_name(status));
    if (status == GYRE_OK)
        explain(&problem, &plan, &out);
    return status;
}
