// SPDX-License-Identifier: MIT
// gyre explain: which kernels a call would take.
#include <string.h>

#include "explain.h"
#include "json.h"
#include "open.h"

static const struct command_help help = {
    .name = "explain",
    .about = "say which kernels a call would take on a device, and why",
    .operands = "rope|attention|merge|linear",
    .examples =
        "  gyre explain attention --help    every term of attention, and how to describe it\n"
        "  gyre explain rope --heads 32 --head-dim 128 --dtype f16\n"
        "  gyre explain attention --q-len 512 --kv-len 512 --heads 32/8 --causal\n"
        "  gyre explain attention --q-len 1 --kv-len 4096 --heads 32/8 --device all\n"
        "  gyre explain merge --parts 4 --q-len 512\n"
        "  gyre explain linear --q-len 4096 --kv-len 4096 --causal",
    .n_operands = 1,
    .max_operands = 1,
};

static const struct {
    const char *name;
    command_fn *run;
} operators[] = {
    {"rope", explain_rope},
    {"attention", explain_attention},
    {"merge", explain_merge},
    {"linear", explain_linear},
};
enum { N_OPERATORS = sizeof(operators) / sizeof(*operators) };

struct gyre_tensor explain_tensor(enum gyre_dtype dtype, uint64_t axis0, uint64_t axis1,
                                  uint64_t axis2, uint64_t axis3)
{
    return (struct gyre_tensor){.dtype = dtype, .shape = {axis0, axis1, axis2, axis3}};
}

static void show(const struct opened *opened, const char *text, cJSON *json)
{
    if (json == NULL) {
        printf("%s\n", text);
        return;
    }
    cJSON *item = cJSON_CreateObject();
    json_add_device(item, opened->session.info);
    cJSON_AddStringToObject(item, "text", text);
    cJSON_AddItemToArray(json, item);
}

static int explain_on(const struct common *common, const char *name, explain_fn *ask,
                      const void *options, cJSON *json)
{
    struct opened opened;
    char text[8192] = "";
    int code = CODE_OK;
    if (!opened_open(&opened, common, name, &code))
        return code;
    enum gyre_status status = ask(opened.session.device, options, text, sizeof(text));
    if (status == GYRE_OK || (status == GYRE_UNSUPPORTED && text[0] != '\0'))
        show(&opened, text, json);
    if (status != GYRE_OK)
        code = complain_status(&opened, "explaining", status);
    opened_close(&opened);
    return code;
}

int explain_print(const struct common *common, explain_fn *ask, const void *options)
{
    struct names names = names_find(common);
    cJSON *json = common->is_json ? cJSON_CreateArray() : NULL;
    int worst = CODE_OK;
    for (size_t i = 0; i < names.n; i++) {
        int code = explain_on(common, names.items[i], ask, options, json);
        worst = code > worst ? code : worst;
    }
    json_print(json, stdout);
    names_free(&names);
    return worst;
}

int command_explain(int argc, char **argv)
{
    const struct option_spec none[] = {{0}};
    const char *name = argc > 1 ? argv[1] : "";
    int code;
    for (int i = 0; i < N_OPERATORS; i++)
        if (strcmp(operators[i].name, name) == 0)
            return operators[i].run(argc - 1, argv + 1);
    if (!options_parse(&help, none, argc, argv, &name, &code))
        return code;
    return complain(CODE_USAGE, "explain: no operator '%s'; wanted %s", name, help.operands);
}
