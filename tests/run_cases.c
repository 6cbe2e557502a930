// SPDX-License-Identifier: MIT
// Runs the case tables without a test framework: where Criterion cannot run (TSan, emulators), and
// to repeat one case.
#include <getopt.h>
#include <inttypes.h>
#include <stdlib.h>

#include "cases/cases.h"

static const char usage[] =
    "usage: run_cases [--device cpu,opencl:0] [--case rope/half_128] [--seed N] [--brief]\n"
    "  --device  ids and backends, separated by commas (default: $GYRE_TEST_DEVICES, or all)\n"
    "  --case    only cases whose name contains this\n"
    "  --seed    of the random data (default 1)\n"
    "  --brief   one of each row's sets of dtypes, in turn\n";

struct options {
    const char *devices, *filter;
    uint64_t seed;
    bool is_brief;
};

static bool parse(int argc, char **argv, struct options *options)
{
    static const struct option known[] = {
        {"device", required_argument, NULL, 'd'},
        {"case", required_argument, NULL, 'c'},
        {"seed", required_argument, NULL, 's'},
        {"brief", no_argument, NULL, 'b'},
        {NULL, 0, NULL, 0},
    };
    int which;
    while ((which = getopt_long(argc, argv, "", known, NULL)) != -1) {
        if (which == 'd')
            options->devices = optarg;
        else if (which == 'c')
            options->filter = optarg;
        else if (which == 's')
            options->seed = strtoull(optarg, NULL, 10);
        else if (which == 'b')
            options->is_brief = true;
        else
            return false;
    }
    return optind == argc;
}

static void count(void *user, const struct case_id *id, const struct result *result)
{
    tally_add(user, result);
    if (result->outcome == OUTCOME_FAIL)
        result_print_failure(stdout, "run_cases", id, result);
}

// Whether everything on the device passed or was skipped.
static bool run_device(const struct gyre_device_info *info, const struct options *options)
{
    struct session session;
    struct tally tally = {0};
    enum gyre_status status = session_open(&session, info->id);
    if (status != GYRE_OK) {
        printf("%s: opening gave %s\n%s", info->id, gyre_status_name(status), session.log.text);
        return false;
    }
    if (options->is_brief)
        cases_run_briefly(&session, options->filter, options->seed, count, &tally);
    else
        cases_run(&session, options->filter, options->seed, count, &tally);
    printf("%s (%s): %u passed, %u failed, %u skipped; largest error %.2f of its bound\n", info->id,
           info->name, tally.n_passed, tally.n_failed, tally.n_skipped, tally.of_bound);
    session_close(&session);
    return tally.n_failed == 0;
}

int main(int argc, char **argv)
{
    struct options options = {.seed = 1};
    if (!parse(argc, argv, &options)) {
        fputs(usage, stderr);
        return 2;
    }
    setenv("GYRE_SELFTEST", "0", 1); // a wrong kernel must show here, not give way to the next one
    struct device_set devices = devices_find(options.devices);
    bool is_good = devices.n > 0 && cases_count(options.filter) > 0;
    if (!is_good)
        puts("nothing to run: no such device or case");
    for (size_t i = 0; i < devices.n; i++)
        is_good = run_device(&devices.infos[i], &options) && is_good;
    devices_free(&devices);
    return is_good ? EXIT_SUCCESS : EXIT_FAILURE;
}
