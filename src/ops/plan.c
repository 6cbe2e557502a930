// SPDX-License-Identifier: MIT
#include "plan.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "stream.h"
#include "variant.h"

void gyre_text_add(struct gyre_text *text, const char *format, ...)
{
    if (text == NULL || text->size == 0)
        return;
    va_list args;
    va_start(args, format);
    int n = vsnprintf(text->text, text->size, format, args);
    va_end(args);
    size_t used = n < 0 ? 0 : (size_t)n < text->size ? (size_t)n : text->size - 1;
    text->text += used;
    text->size -= used;
}

struct gyre_step *gyre_plan_add(struct gyre_plan *plan, const struct gyre_kernel *kernel,
                                const void *args)
{
    struct gyre_step *step = &plan->steps[plan->n_steps++];
    *step = (struct gyre_step){.dispatch.variant.kernel = kernel};
    if (kernel != NULL)
        memcpy(step->args, args, kernel->args_size);
    return step;
}

void gyre_plan_clear(struct gyre_plan *plan)
{
    plan->n_steps = 0;
    plan->scratch_size = 0;
}

uint64_t gyre_plan_round(uint64_t size)
{
    const uint64_t align = 256; // no device asks for more
    return (size + align - 1) / align * align;
}

struct gyre_span gyre_plan_scratch(struct gyre_plan *plan, uint64_t size)
{
    struct gyre_span span = {NULL, plan->scratch_size, size};
    plan->scratch_size += gyre_plan_round(size);
    return span;
}

void gyre_plan_append(struct gyre_plan *plan, const struct gyre_plan *other)
{
    for (uint32_t i = 0; i < other->n_steps; i++)
        plan->steps[plan->n_steps++] = other->steps[i];
    if (other->scratch_size > plan->scratch_size)
        plan->scratch_size = other->scratch_size;
}

const char *gyre_plan_check_limits(const struct gyre_device_info *info,
                                   const struct gyre_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_steps; i++)
        for (int axis = 0; axis < 3; axis++)
            if (plan->steps[i].dispatch.groups[axis] > info->max_group_count[axis])
                return "too many work-groups";
    uint64_t size = plan->scratch_size;
    if ((info->max_binding_size != 0 && size > info->max_binding_size) ||
        (info->max_alloc_size != 0 && size > info->max_alloc_size))
        return "its scratch is larger than a buffer can be";
    // Kernels on a GPU count elements in 32 bits.
    return info->type != GYRE_DEVICE_CPU && size / sizeof(float) > UINT32_MAX
               ? "its scratch has more than 2^32 elements"
               : NULL;
}

// Which buffers of a dispatch are the device's dummy.
static uint32_t absent_buffers(const struct gyre_device *device,
                               const struct gyre_dispatch *dispatch)
{
    uint32_t absent = 0;
    for (uint32_t i = 0; i < dispatch->variant.kernel->n_bufs; i++)
        absent |= (uint32_t)(dispatch->bufs[i].buffer == device->dummy) << i;
    return absent;
}

enum gyre_status gyre_plan_prepare(struct gyre_device *device, struct gyre_plan *plan)
{
    enum gyre_status status = GYRE_OK;
    for (uint32_t i = 0; i < plan->n_steps && status == GYRE_OK; i++) {
        struct gyre_dispatch *dispatch = &plan->steps[i].dispatch;
        if (dispatch->variant.kernel == NULL)
            continue;
        dispatch->variant.absent = absent_buffers(device, dispatch);
        status = device->backend->prepare(device, &dispatch->variant);
    }
    return status;
}

static void place_in_scratch(struct gyre_span *span, struct gyre_buffer *scratch)
{
    if (span->buffer == NULL)
        span->buffer = scratch;
}

static enum gyre_status run_gemms(struct gyre_stream *stream, const struct gyre_step *step,
                                  struct gyre_buffer *scratch)
{
    enum gyre_status status = GYRE_OK;
    for (uint32_t o = 0; o < step->n_outer && status == GYRE_OK; o++)
        for (uint32_t i = 0; i < step->n_inner && status == GYRE_OK; i++) {
            struct gyre_gemm gemm = step->gemm;
            place_in_scratch(&gemm.a, scratch);
            place_in_scratch(&gemm.b, scratch);
            place_in_scratch(&gemm.c, scratch);
            gemm.a_offset += o * step->a_step[0] + i * step->a_step[1];
            gemm.b_offset += o * step->b_step[0] + i * step->b_step[1];
            gemm.c_offset += o * step->c_step[0] + i * step->c_step[1];
            status = stream->device->backend->gemm(stream, &gemm);
        }
    return status;
}

static enum gyre_status run_dispatch(struct gyre_stream *stream, const struct gyre_step *step,
                                     struct gyre_buffer *scratch)
{
    struct gyre_dispatch dispatch = step->dispatch;
    dispatch.args = step->args;
    dispatch.variant.absent = absent_buffers(stream->device, &dispatch);
    for (uint32_t i = 0; i < dispatch.variant.kernel->n_bufs; i++)
        place_in_scratch(&dispatch.bufs[i], scratch);
    return stream->device->backend->dispatch(stream, &dispatch);
}

enum gyre_status gyre_plan_run(struct gyre_stream *stream, const struct gyre_plan *plan)
{
    struct gyre_buffer *scratch = NULL;
    enum gyre_status status = GYRE_OK;
    if (plan->scratch_size != 0)
        status = gyre_stream_scratch(stream, plan->scratch_size, &scratch);
    for (uint32_t i = 0; i < plan->n_steps && status == GYRE_OK; i++) {
        const struct gyre_step *step = &plan->steps[i];
        status = step->dispatch.variant.kernel != NULL ? run_dispatch(stream, step, scratch)
                                                       : run_gemms(stream, step, scratch);
    }
    return status;
}

static void explain_scratch(uint64_t size, struct gyre_text *text)
{
    static const char *const units[] = {"bytes", "KiB", "MiB", "GiB"};
    double value = (double)size;
    int unit = 0;
    for (; value >= 1024 && unit < 3; unit++)
        value /= 1024;
    if (size == 0)
        gyre_text_add(text, "  scratch: none\n");
    else
        gyre_text_add(text, "  scratch: %.*f %s (%llu bytes)\n", value < 10 && unit > 0, value,
                      units[unit], (unsigned long long)size);
}

void gyre_plan_explain(const struct gyre_plan *plan, struct gyre_text *text)
{
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const struct gyre_step *step = &plan->steps[i];
        const struct gyre_dispatch *dispatch = &step->dispatch;
        char what[512];
        if (dispatch->variant.kernel != NULL) {
            gyre_variant_describe(&dispatch->variant, what, sizeof(what));
            gyre_text_add(text, "  step %u: %s, groups %u x %u x %u\n", i + 1, what,
                          dispatch->groups[0], dispatch->groups[1], dispatch->groups[2]);
        } else {
            gyre_text_add(text, "  step %u: library gemm %u x %u x %u, %u batched, %u calls\n",
                          i + 1, step->gemm.m, step->gemm.n, step->gemm.k, step->gemm.batch,
                          step->n_outer * step->n_inner);
        }
    }
    explain_scratch(plan->scratch_size, text);
}
