// SPDX-License-Identifier: MIT
// gyre verify: the tests' case tables against the oracle, on any device.
#include <stdlib.h>
#include <string.h>

#include "cases/cases.h"
#include "command.h"
#include "json.h"
#include "open.h"
#include "operators.h"
#include "progress.h"
#include "table.h"

enum { DEFAULT_SEED = 1 };

static const struct command_help help = {
    .name = "verify",
    .about = "hold devices against the double-precision reference",
    .examples = "  gyre verify                                the default device\n"
                "  gyre verify --device all                   every device\n"
                "  gyre verify --op rope -d vulkan            one operator on one interface\n"
                "  gyre verify --case attention/decode        cases whose name contains this\n"
                "  gyre verify --case rope/half_128/f16 --seed 7",
};

struct verify_options {
    struct common common;
    int op; // of OPTION_OPERATORS
    const char *name;
    uint32_t seed;
};

// One device's run.
struct run {
    struct tally tally;
    struct progress progress;
    cJSON *failures; // NULL: print them
};

static void add_failure(cJSON *failures, const struct case_id *id, const struct result *result)
{
    char name[160], repeat[320];
    snprintf(name, sizeof(name), "%s/%s", id->op, id->name);
    snprintf(repeat, sizeof(repeat), "gyre verify --device %s --case %s --seed %llu", id->device,
             name, (unsigned long long)id->seed);
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "case", name);
    cJSON_AddStringToObject(json, "text", result->text);
    cJSON_AddStringToObject(json, "repeat", repeat);
    cJSON_AddItemToArray(failures, json);
}

static void visit(void *user, const struct case_id *id, const struct result *result)
{
    struct run *run = user;
    char label[192];
    tally_add(&run->tally, result);
    snprintf(label, sizeof(label), "%s %s/%s", id->device, id->op, id->name);
    progress_step(&run->progress, label);
    if (result->outcome != OUTCOME_FAIL)
        return;
    progress_clear(&run->progress);
    if (run->failures != NULL)
        add_failure(run->failures, id, result);
    else
        result_print_failure(stdout, "gyre verify", id, result);
}

static void add_row(struct table *table, const struct gyre_device_info *info,
                    const struct tally *tally)
{
    bool is_failed = tally->n_failed > 0;
    table_cell(table, STYLE_NONE, "%s", info->id);
    table_cell(table, is_failed ? STYLE_RED : STYLE_GREEN, is_failed ? "FAILED" : "passed");
    table_cell(table, STYLE_NONE, "%u", tally->n_passed);
    table_cell(table, is_failed ? STYLE_RED : STYLE_NONE, "%u", tally->n_failed);
    table_cell(table, STYLE_NONE, "%u", tally->n_skipped);
    table_cell(table, STYLE_NONE, "%.0f %%", 100 * tally->of_bound);
    table_cell(table, STYLE_DIM, "%s", info->name);
}

static cJSON *describe(const struct gyre_device_info *info, const struct run *run)
{
    cJSON *json = cJSON_CreateObject();
    json_add_device(json, info);
    cJSON_AddNumberToObject(json, "n_passed", run->tally.n_passed);
    cJSON_AddNumberToObject(json, "n_failed", run->tally.n_failed);
    cJSON_AddNumberToObject(json, "n_skipped", run->tally.n_skipped);
    cJSON_AddNumberToObject(json, "of_bound", run->tally.of_bound);
    cJSON_AddItemToObject(json, "failures", run->failures);
    return json;
}

// Runs the cases on one device and reports to `table`, or to `json` when that is not NULL.
static int verify_device(const struct verify_options *options, const char *filter, const char *name,
                         struct table *table, cJSON *json)
{
    struct opened opened;
    struct run run = {0};
    int code;
    if (!opened_open(&opened, &options->common, name, &code))
        return code;
    if (json != NULL)
        run.failures = cJSON_CreateArray();
    progress_begin(&run.progress, cases_count(filter));
    cases_run(&opened.session, filter, options->seed, visit, &run);
    progress_clear(&run.progress);
    if (json != NULL)
        cJSON_AddItemToArray(json, describe(opened.session.info, &run));
    else
        add_row(table, opened.session.info, &run.tally);
    opened_close(&opened);
    return run.tally.n_failed == 0 ? CODE_OK : CODE_FAILED;
}

// What the names of the cases must contain.
static const char *make_filter(const struct verify_options *options, char filter[256])
{
    const char *prefix = operators_prefix(options->op);
    const char *name = options->name != NULL ? options->name : "";
    bool has_prefix = strncmp(name, prefix, strlen(prefix)) == 0;
    snprintf(filter, 256, "%s%s", has_prefix ? "" : prefix, name);
    return filter;
}

int command_verify(int argc, char **argv)
{
    struct verify_options options = {.seed = DEFAULT_SEED};
    const struct option_spec specs[] = {
        OPTION_DEVICES(options.common),
        OPTION_OPERATORS(options.op, "operators to check"),
        {"case", 'c', OPTION_TEXT, &options.name, "NAME",
         "cases whose OP/ROW/DTYPE contains this; after --op: whose ROW begins so"},
        {"seed", 's', OPTION_U32, &options.seed, "N", "seed of the random inputs (default: 1)"},
        OPTION_THREADS(options.common),
        OPTION_JSON(options.common),
        OPTION_VERBOSE(options.common),
        {0},
    };
    char filter[256];
    int worst;
    if (!options_parse(&help, specs, argc, argv, NULL, &worst))
        return worst;
    setenv("GYRE_SELFTEST", "0", 1); // a wrong kernel must show here, not give way to the next one
    if (cases_count(make_filter(&options, filter)) == 0)
        return complain(CODE_USAGE, "verify: no case is called '%s'", filter);
    struct names names = names_find(&options.common);
    cJSON *json = options.common.is_json ? cJSON_CreateArray() : NULL;
    struct table *table = table_create("device|verdict|>passed|>failed|>skipped|>of bound|name");
    worst = CODE_OK;
    for (size_t i = 0; i < names.n; i++) {
        int code = verify_device(&options, filter, names.items[i], table, json);
        worst = code > worst ? code : worst;
    }
    if (json != NULL)
        json_print(json, stdout);
    else
        table_print(table, stdout);
    table_destroy(table);
    names_free(&names);
    return worst;
}
