// SPDX-License-Identifier: MIT
// gyre bench: speed, as a share of what the machine allows.
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "json.h"
#include "measure.h"
#include "open.h"
#include "openblas.h"
#include "operators.h"
#include "progress.h"
#include "table.h"
#include "units.h"

#define HEADERS "case|>min|>median|>spread|>device|>rate|>limit|>share|>scratch|limit probed"

static const struct command_help help = {
    .name = "bench",
    .about = "measure speed as a share of what the machine allows",
    .examples =
        "  gyre bench                          the default device, about a minute\n"
        "  gyre bench --quick                  the rows that matter most\n"
        "  gyre bench --op rope --device all   one operator everywhere\n"
        "  gyre bench --case decode            rows whose name contains this\n"
        "  gyre bench --json > now.json        to compare with another day\n"
        "  gyre bench --op attention --peer openblas\n"
        "      beside what an engine would do without gyre\n\n"
        "Rows have 32 query heads; attention has 8 KV heads and is causal; what is merged is f32,\n"
        "of 128 columns. Each is held against the reference before it is timed. On the CPU its\n"
        "limit is probed in turns with it, on as many threads: copying the same rows, reading the\n"
        "same keys and values cold, reading as many bytes as are merged, multiply-adds, or bf16\n"
        "dot products. A share compares the fastest run with the fastest probe. What the angles\n"
        "of RoPE cost is at most what half_512_1_head takes of half_512's time. scratch is the\n"
        "memory that a call takes beside its tensors.\n\n"
        "The peer does, per head, a product of matrices, a softmax in plain C and a product, in\n"
        "f32, on as many threads and in turns with the row, after the results of both have been\n"
        "compared. Hidden scores cost it time too. ratio: its fastest run over gyre's.",
};

struct bench_options {
    struct common common;
    int op; // of OPTION_OPERATORS
    const char *name;
    bool is_quick;
    int peer; // of "openblas"; -1: none
};

// One device's run; to one of table and json.
struct bench {
    const struct bench_options *options;
    const struct openblas *peer; // NULL: none
    struct opened opened;
    struct progress progress;
    struct table *table;
    cJSON *rows;
    size_t n_failed;
};

typedef void visit_fn(void *user, const struct bench_row *row, const struct case_dtypes *dtypes,
                      const char *name);

// Whether the row is asked for: by name, or else by the set that suits the device.
static bool is_wanted(const struct bench_options *options, const struct bench_row *row,
                      const char *name, bool is_software)
{
    const char *prefix = operators_prefix(options->op);
    if (strncmp(name, prefix, strlen(prefix)) != 0)
        return false;
    if (options->name != NULL)
        return strstr(name, options->name) != NULL;
    if (is_software)
        return row->sets & ROW_SOFTWARE;
    return options->is_quick ? row->sets & ROW_QUICK : !(row->sets & ROW_SOFTWARE);
}

// Calls `visit` (NULL: only counts) for every row and set of dtypes that is wanted.
static size_t each_row(const struct bench_options *options, bool is_software, visit_fn *visit,
                       void *user)
{
    size_t n = 0;
    char name[128];
    for (const struct bench_row *row = bench_rows; bench_row_name(row) != NULL; row++)
        for (unsigned bit = 1; case_dtypes_of(bit) != NULL; bit <<= 1) {
            const struct case_dtypes *dtypes = case_dtypes_of(bit);
            if (!(bench_row_dtypes(row) & bit))
                continue;
            snprintf(name, sizeof(name), "%s/%s/%s", bench_row_op(row), bench_row_name(row),
                     dtypes->name);
            if (!is_wanted(options, row, name, is_software))
                continue;
            n++;
            if (visit != NULL)
                visit(user, row, dtypes, name);
        }
    return n;
}

static void add_cells(struct table *table, const struct bench_row *row, const struct measurement *m)
{
    bool is_flops = limit_is_flops(row->limit);
    cell_ms(table, m->wall.min);
    cell_ms(table, m->wall.median);
    table_cell(table, STYLE_NONE, "%.0f %%", 100 * m->wall.spread);
    cell_ms(table, m->device.min);
    cell_rate(table, m->rate, is_flops);
    cell_rate(table, m->limit_rate, is_flops);
    if (m->share > 0)
        table_cell(table, STYLE_BOLD, "%.0f %%", 100 * m->share);
    else
        table_cell(table, STYLE_DIM, "-");
    cell_size(table, m->scratch_size);
    if (m->share > 0 && m->n_copies > 1)
        table_cell(table, STYLE_DIM, "%s, %zu copies", limit_name(row->limit), m->n_copies);
    else
        table_cell(table, STYLE_DIM, "%s", m->share > 0 ? limit_name(row->limit) : "not probed");
}

static void add_peer_cells(struct table *table, const struct measurement *m)
{
    cell_ms(table, m->peer.min);
    if (m->no_peer != NULL)
        table_cell(table, STYLE_DIM, "none: %s", m->no_peer);
    else
        table_cell(table, STYLE_BOLD, "%.2f", m->peer_ratio);
}

static void add_nothing(struct table *table, const struct result *check, bool has_peer)
{
    bool is_failed = check->outcome == OUTCOME_FAIL;
    for (int i = 0; i < 8; i++)
        table_cell(table, STYLE_DIM, "-");
    table_cell(table, is_failed ? STYLE_RED : STYLE_YELLOW, "%s: %s",
               is_failed ? "FAILED" : "skipped", check->text);
    for (int i = 0; has_peer && i < 2; i++)
        table_cell(table, STYLE_DIM, "-");
}

static void add_stats(cJSON *json, const char *name, const struct stats *stats)
{
    if (stats->n == 0) {
        cJSON_AddNullToObject(json, name);
        return;
    }
    cJSON *item = cJSON_AddObjectToObject(json, name);
    cJSON_AddNumberToObject(item, "n_runs", (double)stats->n);
    cJSON_AddNumberToObject(item, "min_s", stats->min);
    cJSON_AddNumberToObject(item, "median_s", stats->median);
    cJSON_AddNumberToObject(item, "spread", stats->spread);
}

static void add_peer(cJSON *json, const struct measurement *m)
{
    cJSON *peer = cJSON_AddObjectToObject(json, "peer");
    cJSON_AddStringToObject(peer, "name", "openblas");
    if (m->no_peer != NULL) {
        cJSON_AddStringToObject(peer, "none", m->no_peer);
        return;
    }
    add_stats(peer, "wall", &m->peer);
    cJSON_AddNumberToObject(peer, "ratio", m->peer_ratio);
}

static cJSON *describe(const struct bench_row *row, const char *name, const struct measurement *m,
                       bool has_peer)
{
    static const char *const outcomes[] = {"passed", "failed", "skipped"};
    cJSON *json = cJSON_CreateObject();
    cJSON_AddStringToObject(json, "case", name);
    cJSON_AddStringToObject(json, "check", outcomes[m->check.outcome]);
    cJSON_AddNumberToObject(json, "of_bound", m->check.of_bound);
    if (m->check.outcome != OUTCOME_PASS) {
        cJSON_AddStringToObject(json, "text", m->check.text);
        return json;
    }
    cJSON_AddNumberToObject(json, "bytes", m->cost.bytes);
    cJSON_AddNumberToObject(json, "flops", m->cost.flops);
    cJSON_AddNumberToObject(json, "n_copies", (double)m->n_copies);
    cJSON_AddNumberToObject(json, "first_s", m->first_s);
    cJSON_AddNumberToObject(json, "scratch_size", (double)m->scratch_size);
    add_stats(json, "wall", &m->wall);
    add_stats(json, "device_time", &m->device);
    cJSON_AddStringToObject(json, "unit", limit_is_flops(row->limit) ? "FLOP/s" : "B/s");
    cJSON_AddNumberToObject(json, "rate", m->rate);
    if (m->share > 0) {
        cJSON_AddStringToObject(json, "limit", limit_name(row->limit));
        cJSON_AddNumberToObject(json, "limit_rate", m->limit_rate);
        cJSON_AddNumberToObject(json, "share", m->share);
    }
    if (has_peer)
        add_peer(json, m);
    return json;
}

static void measure(void *user, const struct bench_row *row, const struct case_dtypes *dtypes,
                    const char *name)
{
    struct bench *bench = user;
    struct measurement m;
    const bool has_peer = bench->peer != NULL;
    const struct measure_options options = {.seed = 1, .peer = bench->peer};
    progress_step(&bench->progress, name);
    measure_row(&bench->opened.session, row, dtypes, &options, &m);
    bench->n_failed += m.check.outcome == OUTCOME_FAIL;
    if (bench->rows != NULL) {
        cJSON_AddItemToArray(bench->rows, describe(row, name, &m, has_peer));
        return;
    }
    table_cell(bench->table, STYLE_NONE, "%s", name);
    if (m.check.outcome != OUTCOME_PASS) {
        add_nothing(bench->table, &m.check, has_peer);
        return;
    }
    add_cells(bench->table, row, &m);
    if (has_peer)
        add_peer_cells(bench->table, &m);
}

// Others' work on this machine spoils rates, and shares a little.
static void warn_if_busy(void)
{
    double load, n_cpus = (double)sysconf(_SC_NPROCESSORS_ONLN);
    if (getloadavg(&load, 1) == 1 && load > 0.5 * n_cpus)
        fprintf(stderr,
                "%swarning:%s the machine is busy (load %.1f on %.0f cores): measure again\n",
                style(stderr, STYLE_YELLOW), style(stderr, STYLE_NONE), load, n_cpus);
}

static void print_title(const struct gyre_device_info *info)
{
    printf("%s%s%s: %s", style(stdout, STYLE_BOLD), info->id, style(stdout, STYLE_NONE),
           info->name);
    if (info->type == GYRE_DEVICE_CPU)
        printf(", %u thread%s", info->n_units, info->n_units == 1 ? "" : "s");
    puts(info->type == GYRE_DEVICE_SOFTWARE ? ", a software renderer: small sizes" : "");
}

static int bench_device(const struct bench_options *options, const struct openblas *peer,
                        const char *name, cJSON *json)
{
    struct bench bench = {.options = options, .peer = peer};
    int code;
    if (!opened_open(&bench.opened, &options->common, name, &code))
        return code;
    const struct gyre_device_info *info = bench.opened.session.info;
    bool is_software = info->type == GYRE_DEVICE_SOFTWARE;
    progress_begin(&bench.progress, each_row(options, is_software, NULL, NULL));
    if (json != NULL) {
        cJSON *item = cJSON_CreateObject();
        json_add_device(item, info);
        cJSON_AddNumberToObject(item, "n_units", info->n_units);
        bench.rows = cJSON_AddArrayToObject(item, "rows");
        cJSON_AddItemToArray(json, item);
        each_row(options, is_software, measure, &bench);
    } else {
        bench.table = table_create(peer != NULL ? HEADERS "|>openblas|ratio" : HEADERS);
        each_row(options, is_software, measure, &bench);
    }
    progress_clear(&bench.progress);
    if (json == NULL)
        print_title(info);
    table_print(bench.table, stdout);
    table_destroy(bench.table);
    opened_close(&bench.opened);
    return bench.n_failed == 0 ? CODE_OK : CODE_FAILED;
}

// NULL in *peer when none is wanted.
static int open_peer(const struct bench_options *options, struct openblas **peer)
{
    char why[256];
    *peer = NULL;
    if (options->peer < 0)
        return CODE_OK;
    *peer = openblas_open(why, sizeof(why));
    return *peer != NULL ? CODE_OK
                         : complain(CODE_DEVICE, "bench: no OpenBLAS to compare with: %s", why);
}

static int bench_devices(const struct bench_options *options, const struct openblas *peer)
{
    struct names names = names_find(&options->common);
    cJSON *json = options->common.is_json ? cJSON_CreateArray() : NULL;
    int worst = CODE_OK;
    if (peer != NULL && json == NULL)
        printf("%s, per head: product, softmax, product\n", openblas_describe(peer));
    for (size_t i = 0; i < names.n; i++) {
        if (i > 0 && json == NULL)
            putchar('\n');
        int code = bench_device(options, peer, names.items[i], json);
        worst = code > worst ? code : worst;
    }
    json_print(json, stdout);
    names_free(&names);
    return worst;
}

int command_bench(int argc, char **argv)
{
    struct bench_options options = {.peer = -1};
    struct openblas *peer;
    const struct option_spec specs[] = {
        OPTION_DEVICES(options.common),
        OPTION_OPERATORS(options.op, "operators to measure"),
        {"case", 'c', OPTION_TEXT, &options.name, "NAME", "rows whose OP/ROW/DTYPE contains this"},
        {"quick", 'q', OPTION_FLAG, &options.is_quick, NULL, "the rows that matter most"},
        {"peer", 0, OPTION_CHOICE, &options.peer, "openblas", "time this beside the cpu's rows"},
        OPTION_THREADS(options.common),
        OPTION_JSON(options.common),
        OPTION_VERBOSE(options.common),
        {0},
    };
    int code;
    if (!options_parse(&help, specs, argc, argv, NULL, &code))
        return code;
    if (each_row(&options, false, NULL, NULL) == 0)
        return options.name != NULL
                   ? complain(CODE_USAGE, "bench: no row is called '%s'", options.name)
                   : complain(CODE_USAGE, "bench: no row measures this operator");
    code = open_peer(&options, &peer);
    if (code != CODE_OK)
        return code;
    warn_if_busy();
    code = bench_devices(&options, peer);
    openblas_close(&peer);
    return code;
}
