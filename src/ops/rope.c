// SPDX-License-Identifier: MIT
#include "ops/rope.h"

#include "log.h"

// Checks, plans, compiles and, the first time, tries.
static enum gyre_status plan_call(const struct gyre_check *check, struct gyre_device *device,
                                  const struct gyre_rope_params *params,
                                  struct gyre_rope_problem *problem, struct gyre_plan *plan)
{
    enum gyre_status status = gyre_rope_check(check, params, problem);
    if (status != GYRE_OK)
        return status;
    gyre_rope_make_plan(device, problem, plan);
    status = gyre_plan_prepare(device, plan);
    return status == GYRE_OK ? gyre_rope_try(device, problem, plan) : status;
}

enum gyre_status gyre_rope(struct gyre_stream *stream, const struct gyre_rope_params *params)
{
    if (stream == NULL)
        return GYRE_INVALID;
    const struct gyre_check check = {"rope", stream->device, true};
    struct gyre_rope_problem problem;
    struct gyre_plan plan;
    enum gyre_status status = plan_call(&check, stream->device, params, &problem, &plan);
    return status == GYRE_OK ? gyre_plan_run(stream, &plan) : status;
}

enum gyre_status gyre_rope_supported(struct gyre_device *device,
                                     const struct gyre_rope_params *params)
{
    return gyre_rope_explain(device, params, NULL, 0);
}

enum gyre_status gyre_rope_explain(struct gyre_device *device,
                                   const struct gyre_rope_params *params, char *text, size_t size)
{
    if (device == NULL)
        return GYRE_INVALID;
    if (text == NULL && size != 0)
        return gyre_fail(&device->log, GYRE_INVALID, "rope explain: text is NULL");
    if (size != 0)
        text[0] = '\0';
    const struct gyre_check check = {"rope", device, false};
    struct gyre_text out = {text, size};
    struct gyre_rope_problem problem;
    struct gyre_plan plan = {0};
    enum gyre_status status = plan_call(&check, device, params, &problem, &plan);
    gyre_text_add(&out, "rope on %s (%s): %s\n", device->info.id, device->info.name,
                  gyre_status_name(status));
    if (status != GYRE_OK)
        return status;
    gyre_text_add(&out, "  angles: %s\n",
                  problem.cos.is_present
                      ? "the caller's cache of cosines and sines"
                      : "64-bit fraction of a turn, exact at any 32-bit position");
    gyre_text_add(&out, "  storage: %s; arithmetic: f32\n", gyre_dtype_name(problem.q.dtype));
    gyre_plan_explain(&plan, &out);
    return GYRE_OK;
}
