// SPDX-License-Identifier: MIT
#include "ops/trial.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <gyre/buffer.h>

#include "log.h"

// One device's part in a trial.
struct side {
    struct gyre_device *device;
    struct gyre_stream *stream;
    struct gyre_tensor tensors[GYRE_TRIAL_MAX_TENSORS];
    double *results[GYRE_TRIAL_MAX_TENSORS]; // of outputs
};

static size_t count(const struct gyre_trial_tensor *tensor)
{
    return (size_t)(tensor->shape[0] * tensor->shape[1] * tensor->shape[2] * tensor->shape[3]);
}

// --- inputs

// Some number in [-1, 1), by a hash of where it stands.
static double made_up(size_t tensor, size_t i)
{
    uint32_t x = (uint32_t)(i * 0x9e3779b9u + tensor * 0x85ebca6bu + 1);
    x ^= x >> 16;
    x *= 0x7feb352du;
    x ^= x >> 15;
    x *= 0x846ca68bu;
    x ^= x >> 16;
    return (double)x / 0x1p31 - 1;
}

// The tensor's first bytes; outputs begin as NaN. NULL: no memory.
static void *make_image(const struct gyre_trial_tensor *tensor, size_t number)
{
    size_t n = count(tensor);
    void *image = malloc(n * gyre_dtype_size(tensor->dtype) + 1);
    double *values = malloc((n + 1) * sizeof(*values));
    if (image == NULL || values == NULL) {
        free(image);
        free(values);
        return NULL;
    }
    for (size_t i = 0; i < n; i++) {
        bool is_hidden = tensor->hides_some && i % 5 == 2;
        values[i] = tensor->is_output ? (double)NAN
                    : is_hidden       ? -(double)INFINITY
                                      : made_up(number, i);
        if (tensor->dtype == GYRE_U8)
            ((uint8_t *)image)[i] = !is_hidden;
        if (tensor->dtype == GYRE_I32)
            ((int32_t *)image)[i] = (int32_t)i * tensor->step;
    }
    gyre_dtype_from_double(tensor->dtype, values, image, n);
    free(values);
    return image;
}

static enum gyre_status upload(struct side *side, const struct gyre_trial *trial, size_t number)
{
    const struct gyre_trial_tensor *tensor = &trial->tensors[number];
    struct gyre_tensor *view = &side->tensors[number];
    if (tensor->shape[0] == 0)
        return GYRE_OK;
    uint64_t size = count(tensor) * gyre_dtype_size(tensor->dtype);
    view->dtype = tensor->dtype;
    memcpy(view->shape, tensor->shape, sizeof(view->shape));
    void *image = make_image(tensor, number);
    enum gyre_status status = image ? GYRE_OK : GYRE_NO_MEMORY;
    if (status == GYRE_OK)
        status = gyre_buffer_create(side->device, size, &view->buffer);
    if (status == GYRE_OK)
        status = gyre_buffer_write(side->stream, view->buffer, 0, size, image);
    free(image);
    return status;
}

// --- results

static enum gyre_status download(struct side *side, const struct gyre_trial *trial, size_t number)
{
    const struct gyre_trial_tensor *tensor = &trial->tensors[number];
    size_t n = count(tensor), size = n * gyre_dtype_size(tensor->dtype);
    if (tensor->shape[0] == 0 || !tensor->is_output)
        return GYRE_OK;
    void *image = malloc(size + 1);
    side->results[number] = malloc((n + 1) * sizeof(double));
    enum gyre_status status = image && side->results[number] ? GYRE_OK : GYRE_NO_MEMORY;
    if (status == GYRE_OK)
        status = gyre_buffer_read(side->stream, side->tensors[number].buffer, 0, size, image);
    if (status == GYRE_OK)
        gyre_dtype_to_double(tensor->dtype, image, side->results[number], n);
    free(image);
    return status;
}

static enum gyre_status run_side(struct side *side, const struct gyre_trial *trial,
                                 bool is_reference)
{
    enum gyre_status status = gyre_stream_create(side->device, &side->stream);
    for (size_t i = 0; i < GYRE_TRIAL_MAX_TENSORS && status == GYRE_OK; i++)
        status = upload(side, trial, i);
    if (status == GYRE_OK)
        status = trial->run(trial->user, side->stream, side->tensors, is_reference);
    for (size_t i = 0; i < GYRE_TRIAL_MAX_TENSORS && status == GYRE_OK; i++)
        status = download(side, trial, i);
    return status;
}

static void clean_side(struct side *side)
{
    gyre_stream_destroy(&side->stream);
    for (size_t i = 0; i < GYRE_TRIAL_MAX_TENSORS; i++) {
        gyre_buffer_destroy(&side->tensors[i].buffer);
        free(side->results[i]);
    }
}

// Gross errors are what a trial is after: ten times what the bounds in the headers allow.
static double tolerance(const struct gyre_trial *trial, enum gyre_dtype dtype)
{
    if (dtype == GYRE_F32)
        return trial->f32_tolerance != 0 ? trial->f32_tolerance : 1e-4;
    return dtype == GYRE_F16 ? 1e-2 : 8e-2;
}

static bool agrees(const struct gyre_trial_tensor *tensor, double tolerance, const double *got,
                   const double *want)
{
    double largest = 0;
    size_t n = count(tensor);
    for (size_t i = 0; i < n; i++)
        if (isfinite(want[i]) && fabs(want[i]) > largest)
            largest = fabs(want[i]);
    for (size_t i = 0; i < n; i++) {
        bool is_same = got[i] == want[i]; // infinities too
        if (!is_same && !(fabs(got[i] - want[i]) <= tolerance * largest))
            return false;
    }
    return true;
}

static enum gyre_verdict compare(const struct gyre_trial *trial, const struct side *tried,
                                 const struct side *reference)
{
    for (size_t i = 0; i < GYRE_TRIAL_MAX_TENSORS; i++) {
        const struct gyre_trial_tensor *tensor = &trial->tensors[i];
        if (reference->results[i] != NULL && !agrees(tensor, tolerance(trial, tensor->dtype),
                                                     tried->results[i], reference->results[i]))
            return GYRE_WRONG;
    }
    return GYRE_RIGHT;
}

enum gyre_verdict gyre_trial_hold(struct gyre_device *device, const struct gyre_trial *trial)
{
    struct side tried = {.device = device}, reference = {0};
    const struct gyre_device_params cpu = {.name = "cpu", .n_threads = 1, .cache_dir = ""};
    enum gyre_verdict verdict = GYRE_UNTESTABLE;
    if (gyre_device_open(&cpu, &reference.device) == GYRE_OK &&
        run_side(&reference, trial, true) == GYRE_OK && run_side(&tried, trial, false) == GYRE_OK)
        verdict = compare(trial, &tried, &reference);
    clean_side(&tried);
    clean_side(&reference);
    gyre_device_destroy(&reference.device);
    return verdict;
}

// --- what is known

static bool is_trusted(const struct gyre_device *device)
{
    const char *selftest = getenv("GYRE_SELFTEST");
    return device->info.type == GYRE_DEVICE_CPU || (selftest != NULL && strcmp(selftest, "0") == 0);
}

// What a plan runs, as verdicts name it.
static struct gyre_together together(const struct gyre_plan *plan)
{
    // A product has no choices of its own; its mark tells it from an unused member.
    static const struct gyre_variant product = {.defs = {1}};
    struct gyre_together what = {0};
    for (uint32_t i = 0; i < plan->n_steps; i++) {
        const struct gyre_variant *variant = &plan->steps[i].dispatch.variant;
        what.variants[i] = variant->kernel != NULL ? *variant : product;
        what.variants[i].absent = 0;
    }
    return what;
}

enum gyre_verdict gyre_plan_verdict(struct gyre_device *device, const struct gyre_plan *plan)
{
    if (plan->n_steps == 0 || is_trusted(device))
        return GYRE_RIGHT;
    struct gyre_together what = together(plan);
    return gyre_verdict_get(device, &what);
}

void gyre_plan_set_verdict(struct gyre_device *device, const struct gyre_plan *plan,
                           enum gyre_verdict verdict)
{
    struct gyre_together what = together(plan);
    const struct gyre_kernel *first = what.variants[0].kernel;
    gyre_verdict_set(device, &what, verdict);
    if (verdict != GYRE_RIGHT)
        gyre_log_write(&device->log, GYRE_LOG_WARNING, "%s on %s (%s): %s",
                       first ? first->name : "a library's product", device->info.name,
                       device->info.driver,
                       verdict == GYRE_WRONG ? "wrong results: struck off"
                                             : "its trial failed; used untested");
}
