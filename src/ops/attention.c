// SPDX-License-Identifier: MIT
#include "ops/attention.h"

#include "log.h"

enum gyre_status gyre_attention(struct gyre_stream *stream,
                                const struct gyre_attention_params *params)
{
    if (stream == NULL)
        return GYRE_INVALID;
    struct gyre_check check = {"attention", stream->device, true};
    struct gyre_attention_problem problem;
    struct gyre_plan plan;
    enum gyre_status status = gyre_attention_check(&check, params, &problem);
    if (status == GYRE_OK)
        status = gyre_attention_plan(stream->device, &problem, &plan, NULL);
    if (status == GYRE_OK)
        status = gyre_plan_run(stream, &plan);
    return status;
}

enum gyre_status gyre_attention_supported(struct gyre_device *device,
                                          const struct gyre_attention_params *params)
{
    return gyre_attention_explain(device, params, NULL, 0);
}

enum gyre_status gyre_attention_explain(struct gyre_device *device,
                                        const struct gyre_attention_params *params, char *text,
                                        size_t size)
{
    if (device == NULL)
        return GYRE_INVALID;
    if (text == NULL && size != 0)
        return gyre_fail(&device->log, GYRE_INVALID, "attention explain: text is NULL");
    if (size != 0)
        text[0] = '\0';
    struct gyre_check check = {"attention", device, false};
    struct gyre_attention_problem problem;
    struct gyre_plan plan;
    struct gyre_text out = {text, size};
    enum gyre_status status = gyre_attention_check(&check, params, &problem);
    if (status == GYRE_OK)
        status = gyre_attention_plan(device, &problem, &plan, &out);
    if (status == GYRE_OK)
        gyre_plan_explain(&plan, &out);
    return status;
}
