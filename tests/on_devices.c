// SPDX-License-Identifier: MIT
#include "on_devices.h"

#include <stdlib.h>

#include "cases/cases.h"

static void tell_and_add(const struct gyre_device_info *info, const struct tally *tally,
                         struct tally *total)
{
    printf("  %s (%.60s): %u passed, %u failed, %u skipped; largest error %.2f of its bound\n",
           info->id, info->name, tally->n_passed, tally->n_failed, tally->n_skipped,
           tally->of_bound);
    fflush(stdout);
    total->n_passed += tally->n_passed;
    total->n_failed += tally->n_failed;
    total->n_skipped += tally->n_skipped;
}

// Whether the device meets the need.
static bool run_device(const struct gyre_device_info *info, const struct device_need *need,
                       on_device_fn *fn, const void *context, struct tally *total)
{
    struct session session;
    struct tally tally = {0};
    enum gyre_status status = session_open(&session, info->id);
    cr_assert(status == GYRE_OK, "opening %s gave %s\n%s", info->id, gyre_status_name(status),
              session.log.text);
    bool is_met = need == NULL || need->is_met(&session);
    if (is_met) {
        fn(&session, context, &tally);
        tell_and_add(info, &tally, total);
    }
    session_close(&session);
    return is_met;
}

void skip_test(const char *reason, const char *what)
{
    printf("  skipped: %s %s\n", reason, what);
    fflush(stdout);
    cr_skip_test();
}

void run_on_devices_with(const struct device_need *need, enum gyre_backend_kind backend,
                         on_device_fn *fn, const void *context, unsigned min_passes)
{
    const char *name = gyre_backend_name(backend);
    setenv("GYRE_SELFTEST", "0", 1); // a wrong kernel must show here, not give way to the next one
    struct device_set devices = devices_find(NULL);
    struct tally total = {0};
    unsigned n_devices = 0, n_run = 0;
    for (size_t i = 0; i < devices.n; i++) {
        if (devices.infos[i].backend != backend)
            continue;
        n_devices++;
        n_run += run_device(&devices.infos[i], need, fn, context, &total);
    }
    devices_free(&devices);
    if (n_devices == 0 && !devices_is_required(backend))
        skip_test("no device of", name);
    cr_assert(n_devices > 0, "no %s device, and GYRE_REQUIRE asks for it", name);
    if (n_run == 0)
        skip_test("no device with", need->what);
    cr_assert(tally_suffices(&total, min_passes), "%s: %u failed, %u passed of at least %u", name,
              total.n_failed, total.n_passed, min_passes);
}

void run_on_devices(enum gyre_backend_kind backend, on_device_fn *fn, const void *context,
                    unsigned min_passes)
{
    run_on_devices_with(NULL, backend, fn, context, min_passes);
}

static uint64_t base_seed(void)
{
    const char *text = getenv("GYRE_TEST_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

void report(const struct session *session, const char *name, const struct result *result,
            struct tally *tally)
{
    tally_add(tally, result);
    if (result->outcome == OUTCOME_FAIL)
        printf("FAIL %s on %s: %s\n", name, session->info->id, result->text);
}

void report_case(void *tally, const struct case_id *id, const struct result *result)
{
    tally_add(tally, result);
    if (result->outcome == OUTCOME_FAIL)
        result_print_failure(stdout, "tests/run_cases", id, result);
}

static void run_filtered(struct session *session, const void *filter, struct tally *tally)
{
    // `run_cases` and `gyre verify` take every set of dtypes on every device.
    if (session->info->backend == GYRE_BACKEND_CPU)
        cases_run(session, filter, base_seed(), report_case, tally);
    else
        cases_run_briefly(session, filter, base_seed(), report_case, tally);
}

void run_cases_on_devices(enum gyre_backend_kind backend, const char *filter, unsigned min_passes)
{
    // On other devices at least every third row, of which there are half as many as cases; and half
    // of those may need what a device lacks.
    run_on_devices(backend, run_filtered, filter,
                   backend == GYRE_BACKEND_CPU ? min_passes : min_passes / 16);
}
