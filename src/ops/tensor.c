// SPDX-License-Identifier: MIT
#include "tensor.h"

#include <string.h>

#include "log.h"

#define REFUSE(check, status, format, ...)                                                         \
    gyre_fail(&(check)->device->log, status, "%s: " format, (check)->verb, __VA_ARGS__)

static bool is_absent(const struct gyre_tensor *tensor)
{
    static const uint64_t zeros[4];
    return tensor->buffer == NULL && memcmp(tensor->shape, zeros, sizeof(zeros)) == 0;
}

static bool is_contiguous(const struct gyre_tensor *tensor)
{
    static const uint64_t zeros[4];
    return memcmp(tensor->stride, zeros, sizeof(zeros)) == 0;
}

static enum gyre_status check_dtype(const struct gyre_check *check, const char *name,
                                    const struct gyre_tensor *tensor, unsigned dtypes)
{
    size_t size = gyre_dtype_size(tensor->dtype);
    if (size == 0 || (dtypes & 1u << tensor->dtype) == 0)
        return REFUSE(check, GYRE_INVALID, "%s: dtype %s", name, gyre_dtype_name(tensor->dtype));
    if (tensor->offset % size != 0)
        return REFUSE(check, GYRE_INVALID, "%s: offset %llu is no multiple of the element size",
                      name, (unsigned long long)tensor->offset);
    if (size == 2 && !check->device->info.has_f16_storage)
        return REFUSE(check, GYRE_UNSUPPORTED, "%s: %s has no 16-bit storage", name,
                      check->device->info.id);
    return GYRE_OK;
}

// Fills shape, stride and extent.
static enum gyre_status check_shape(const struct gyre_check *check, const char *name,
                                    const struct gyre_tensor *tensor, struct gyre_view *view)
{
    // Positions are 32-bit signed, and sums of two of them must not wrap.
    const uint64_t max_length = 1u << 30;
    uint64_t dense = 1;
    bool is_empty = false;
    view->extent = 1;
    for (int axis = 3; axis >= 0; axis--) {
        uint64_t length = tensor->shape[axis];
        uint64_t stride = is_contiguous(tensor) ? dense : tensor->stride[axis];
        if (length > max_length)
            return REFUSE(check, GYRE_INVALID, "%s: shape[%d] %llu is beyond 2^30", name, axis,
                          (unsigned long long)length);
        stride = length <= 1 ? 0 : stride;
        if (stride > UINT32_MAX)
            return REFUSE(check, GYRE_INVALID, "%s: stride[%d] %llu is beyond 2^32 - 1", name, axis,
                          (unsigned long long)stride);
        if (axis == 3 && length > 1 && stride != 1)
            return REFUSE(check, GYRE_INVALID, "%s: the last axis is not contiguous (stride %llu)",
                          name, (unsigned long long)stride);
        is_empty |= length == 0;
        view->shape[axis] = (uint32_t)length;
        view->stride[axis] = (uint32_t)stride;
        // At most 2^62 each, so four of them do not wrap; nor does the product that `dense` is,
        // since it is refused above before it grows past 2^62.
        view->extent += length > 1 ? (length - 1) * stride : 0;
        dense *= length > 0 ? length : 1;
    }
    if (is_empty)
        view->extent = 0;
    return GYRE_OK;
}

static enum gyre_status check_room(const struct gyre_check *check, const char *name,
                                   const struct gyre_tensor *tensor, const struct gyre_view *view)
{
    const struct gyre_device_info *info = &check->device->info;
    uint64_t size = gyre_dtype_size(view->dtype);
    if (view->extent > UINT64_MAX / 2 / size)
        return REFUSE(check, GYRE_INVALID, "%s: the shape's product overflows", name);
    // Kernels on a GPU count elements in 32 bits.
    bool is_wide = info->type != GYRE_DEVICE_CPU && view->extent > UINT32_MAX - (1u << 30);
    uint64_t rest = info->offset_align > 1 ? tensor->offset % info->offset_align : 0;
    uint64_t bound = (rest + view->extent * size + 3) & ~(uint64_t)3; // as gyre_view_span binds it
    if (is_wide || (info->max_binding_size != 0 && bound > info->max_binding_size))
        return REFUSE(check, GYRE_UNSUPPORTED, "%s: %llu bytes, %s can see %llu at once", name,
                      (unsigned long long)(view->extent * size), info->id,
                      (unsigned long long)info->max_binding_size);
    if (tensor->buffer == NULL)
        return check->needs_buffers && view->extent != 0
                   ? REFUSE(check, GYRE_INVALID, "%s: no buffer", name)
                   : GYRE_OK;
    if (tensor->buffer->device != check->device)
        return REFUSE(check, GYRE_INVALID, "%s: buffer of another device", name);
    uint64_t room = tensor->buffer->size;
    if (tensor->offset > room || view->extent * size > room - tensor->offset)
        return REFUSE(check, GYRE_INVALID, "%s: %llu bytes at %llu, the buffer has %llu", name,
                      (unsigned long long)(view->extent * size), (unsigned long long)tensor->offset,
                      (unsigned long long)room);
    return GYRE_OK;
}

// True when no two indices lead to the same element: sorted by stride, each axis steps over all
// smaller ones.
static bool is_injective(const struct gyre_view *view)
{
    uint64_t covered = 1; // elements that the axes so far span
    bool used[4] = {false};
    for (int n = 0; n < 4; n++) {
        int next = -1;
        for (int axis = 0; axis < 4; axis++)
            if (!used[axis] && (next < 0 || view->stride[axis] < view->stride[next]))
                next = axis;
        used[next] = true;
        if (view->shape[next] <= 1)
            continue;
        if (view->stride[next] < covered)
            return false;
        covered += (uint64_t)(view->shape[next] - 1) * view->stride[next];
    }
    return true;
}

enum gyre_status gyre_view_check(const struct gyre_check *check, const char *name,
                                 const struct gyre_tensor *tensor, unsigned dtypes,
                                 enum gyre_access access, struct gyre_view *view)
{
    *view = (struct gyre_view){0};
    if (is_absent(tensor))
        return GYRE_OK;
    view->is_present = true;
    view->buffer = tensor->buffer;
    view->dtype = tensor->dtype;
    view->offset = tensor->offset;
    enum gyre_status status = check_dtype(check, name, tensor, dtypes);
    if (status == GYRE_OK)
        status = check_shape(check, name, tensor, view);
    if (status == GYRE_OK)
        status = check_room(check, name, tensor, view);
    if (status == GYRE_OK && access == GYRE_OUTPUT && view->extent != 0 && !is_injective(view))
        status = REFUSE(check, GYRE_INVALID, "%s: strides write an element twice", name);
    return status;
}

enum gyre_status gyre_view_check_axis(const struct gyre_check *check, const char *name,
                                      const struct gyre_view *view, int axis, uint32_t want,
                                      const char *what)
{
    if (view->shape[axis] == want)
        return GYRE_OK;
    return REFUSE(check, GYRE_INVALID, "%s: shape[%d] is %u, %s is %u", name, axis,
                  view->shape[axis], what, want);
}

enum gyre_status gyre_view_check_axes(const struct gyre_check *check,
                                      const struct gyre_axis_rule *rules, size_t n)
{
    enum gyre_status status = GYRE_OK;
    for (size_t i = 0; i < n && status == GYRE_OK; i++)
        if (rules[i].view->is_present)
            status = gyre_view_check_axis(check, rules[i].name, rules[i].view, rules[i].axis,
                                          rules[i].want, rules[i].what);
    return status;
}

bool gyre_view_is_alike(const struct gyre_view *a, const struct gyre_view *b)
{
    return a->is_present == b->is_present && a->dtype == b->dtype &&
           memcmp(a->shape, b->shape, sizeof(a->shape)) == 0 &&
           memcmp(a->stride, b->stride, sizeof(a->stride)) == 0;
}

bool gyre_view_is_same(const struct gyre_view *a, const struct gyre_view *b)
{
    return a->is_present && a->buffer == b->buffer && a->offset == b->offset &&
           gyre_view_is_alike(a, b);
}

// --- overlap

// The widest axis that really steps; -1: none.
static int widest_axis(const struct gyre_view *view)
{
    int widest = -1;
    for (int axis = 0; axis < 4; axis++)
        if (view->shape[axis] > 1 && (widest < 0 || view->stride[axis] > view->stride[widest]))
            widest = axis;
    return widest;
}

// Bytes from the first to one past the last element.
static uint64_t byte_extent(const struct gyre_view *view)
{
    return view->extent * gyre_dtype_size(view->dtype);
}

// The view without its widest axis.
static struct gyre_view without_axis(struct gyre_view view, int axis)
{
    view.extent -= (uint64_t)(view.shape[axis] - 1) * view.stride[axis];
    view.shape[axis] = 1;
    return view;
}

// Parts of one packed tensor, such as q and k of a fused projection, interleave: their ranges
// overlap, but with the same step on the widest axis they stay in lanes of their own. Then only one
// period matters: b's lane, `distance` bytes after a's, must end before a's next one begins.
// May say yes where no element is shared.
static bool may_overlap_at(const struct gyre_view *a, const struct gyre_view *b, uint64_t distance)
{
    if (distance >= byte_extent(a))
        return false;
    int i = widest_axis(a), j = widest_axis(b);
    if (i < 0 || j < 0)
        return true;
    uint64_t step = a->stride[i] * gyre_dtype_size(a->dtype);
    if (step == 0 || step != b->stride[j] * gyre_dtype_size(b->dtype))
        return true;
    struct gyre_view a_lane = without_axis(*a, i), b_lane = without_axis(*b, j);
    return distance % step + byte_extent(&b_lane) > step ||
           may_overlap_at(&a_lane, &b_lane, distance % step);
}

static bool may_overlap(const struct gyre_view *a, const struct gyre_view *b)
{
    if (a->extent == 0 || b->extent == 0)
        return false;
    return a->offset <= b->offset ? may_overlap_at(a, b, b->offset - a->offset)
                                  : may_overlap_at(b, a, a->offset - b->offset);
}

enum gyre_status gyre_view_check_disjoint(const struct gyre_check *check, const char *name,
                                          const struct gyre_view *output, const char *other_name,
                                          const struct gyre_view *other)
{
    if (output->buffer == NULL || output->buffer != other->buffer || !may_overlap(output, other))
        return GYRE_OK;
    return REFUSE(check, GYRE_INVALID, "%s overlaps %s", name, other_name);
}

// --- binding

struct gyre_span gyre_view_span(const struct gyre_device *device, const struct gyre_view *view,
                                uint32_t *first)
{
    *first = 0;
    if (!view->is_present || view->extent == 0)
        return (struct gyre_span){device->dummy, 0, device->dummy->size};
    uint64_t align = device->info.offset_align > 1 ? device->info.offset_align : 1;
    uint64_t rest = view->offset % align;
    uint64_t size = rest + byte_extent(view);
    *first = (uint32_t)(rest / gyre_dtype_size(view->dtype));
    // Buffers are padded, so that kernels may read bytes and halves by whole words.
    return (struct gyre_span){view->buffer, view->offset - rest, (size + 3) & ~(uint64_t)3};
}
