// SPDX-License-Identifier: MIT
#include "ops/linear_attention.h"

#include "log.h"

enum gyre_status gyre_linear_attention(struct gyre_stream *stream,
                                       const struct gyre_linear_attention_params *params)
{
    if (stream == NULL)
        return GYRE_INVALID;
    const struct gyre_check check = {"linear attention", stream->device, true};
    struct gyre_linear_problem problem;
    struct gyre_plan plan;
    enum gyre_status status = gyre_linear_check(&check, params, &problem);
    if (status == GYRE_OK)
        status = gyre_linear_plan(stream->device, &problem, &plan, NULL);
    return status == GYRE_OK ? gyre_plan_run(stream, &plan) : status;
}

enum gyre_status gyre_linear_attention_supported(struct gyre_device *device,
                                                 const struct gyre_linear_attention_params *params)
{
    return gyre_linear_attention_explain(device, params, NULL, 0);
}

enum gyre_status gyre_linear_attention_explain(struct gyre_device *device,
                                               const struct gyre_linear_attention_params *params,
                                               char *text, size_t size)
{
    if (device == NULL)
        return GYRE_INVALID;
    if (text == NULL && size != 0)
        return gyre_fail(&device->log, GYRE_INVALID, "linear attention explain: text is NULL");
    if (size != 0)
        text[0] = '\0';
    const struct gyre_check check = {"linear attention", device, false};
    struct gyre_text out = {text, size};
    struct gyre_linear_problem problem;
    struct gyre_plan plan;
    enum gyre_status status = gyre_linear_check(&check, params, &problem);
    if (status == GYRE_OK)
        status = gyre_linear_plan(device, &problem, &plan, &out);
    if (status == GYRE_OK)
        gyre_plan_explain(&plan, &out);
    return status;
}
