// SPDX-License-Identifier: MIT
#include "harness/result.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>

static void set(struct result *result, enum outcome outcome, const char *format, va_list args)
{
    if (result->outcome == OUTCOME_FAIL)
        return;
    result->outcome = outcome;
    vsnprintf(result->text, sizeof(result->text), format, args);
}

void result_fail(struct result *result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(result, OUTCOME_FAIL, format, args);
    va_end(args);
}

void result_skip(struct result *result, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(result, OUTCOME_SKIP, format, args);
    va_end(args);
}

void result_fail_status(struct result *result, const char *call, enum gyre_status status,
                        const char *log)
{
    result_fail(result, "%s gave %s; log: %s", call, gyre_status_name(status), log);
}

void result_print_failure(FILE *out, const char *program, const struct case_id *id,
                          const struct result *result)
{
    fprintf(out, "FAIL %s/%s on %s (seed %" PRIu64 ")\n  %s\n", id->op, id->name, id->device,
            id->seed, result->text);
    fprintf(out, "  repeat: %s --device %s --case %s/%s --seed %" PRIu64 "\n", program, id->device,
            id->op, id->name, id->seed);
}

void tally_add(struct tally *tally, const struct result *result)
{
    tally->n_passed += result->outcome == OUTCOME_PASS;
    tally->n_failed += result->outcome == OUTCOME_FAIL;
    tally->n_skipped += result->outcome == OUTCOME_SKIP;
    tally->of_bound = fmax(tally->of_bound, result->of_bound);
}

bool tally_suffices(const struct tally *tally, unsigned min_passes)
{
    return tally->n_failed == 0 && tally->n_passed >= min_passes;
}
