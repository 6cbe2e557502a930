// SPDX-License-Identifier: MIT
// What the operators of the case tables have in common: CASE_OPERATOR(rope) defines rope_operator
// from `row_of` (the case of a number, NULL past the last), `sets_of` (a case's CASE_* bits),
// `prepare`, and rope_run_enqueue, _check and _destroy, which know their run.
#ifndef CASES_OPERATOR_H
#define CASES_OPERATOR_H

#include "cases/cases.h"

#define CASE_OPERATOR(op)                                                                          \
    static const char *row_name(size_t row)                                                        \
    {                                                                                              \
        const struct op##_case *found = row_of(row);                                               \
        return found != NULL ? found->name : NULL;                                                 \
    }                                                                                              \
    static unsigned row_dtypes(size_t row)                                                         \
    {                                                                                              \
        return sets_of(row_of(row));                                                               \
    }                                                                                              \
    static enum gyre_status enqueue(void *run)                                                     \
    {                                                                                              \
        return op##_run_enqueue(run);                                                              \
    }                                                                                              \
    static void check(void *run, struct result *result)                                            \
    {                                                                                              \
        op##_run_check(run, result);                                                               \
    }                                                                                              \
    static void destroy(void *run)                                                                 \
    {                                                                                              \
        op##_run_destroy(run);                                                                     \
    }                                                                                              \
    const struct case_operator op##_operator = {                                                   \
        .name = #op,                                                                               \
        .row_name = row_name,                                                                      \
        .row_dtypes = row_dtypes,                                                                  \
        .prepare = prepare,                                                                        \
        .enqueue = enqueue,                                                                        \
        .check = check,                                                                            \
        .destroy = destroy,                                                                        \
    }

#endif
