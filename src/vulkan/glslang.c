// SPDX-License-Identifier: MIT
// GLSL to SPIR-V by glslang, in the process.
#include "vk.h"

#include <glslang/Include/glslang_c_interface.h>
#include <glslang/Public/resource_limits_c.h>
#include <stdlib.h>
#include <string.h>

// glslang's tables are one set per process, made here at the first compilation and left to the
// process's end: any other user of glslang in it may need them, so they are not ours to free.
static void initialize(void)
{
    glslang_initialize_process();
}

static glslang_input_t describe(const char *source)
{
    return (glslang_input_t){
        .language = GLSLANG_SOURCE_GLSL,
        .stage = GLSLANG_STAGE_COMPUTE,
        .client = GLSLANG_CLIENT_VULKAN,
        .client_version = GLSLANG_TARGET_VULKAN_1_1,
        .target_language = GLSLANG_TARGET_SPV,
        .target_language_version = GLSLANG_TARGET_SPV_1_3,
        .code = source,
        .default_version = 450,
        .default_profile = GLSLANG_NO_PROFILE,
        .messages = GLSLANG_MSG_SPV_RULES_BIT | GLSLANG_MSG_VULKAN_RULES_BIT,
        .resource = glslang_default_resource(),
    };
}

static enum gyre_status copy_words(const struct gyre_log *log, glslang_program_t *program,
                                   struct vk_shader *out)
{
    size_t n = glslang_program_SPIRV_get_size(program);
    out->words = malloc(n * sizeof(uint32_t));
    if (out->words == NULL)
        return gyre_fail(log, GYRE_NO_MEMORY, "vulkan: no memory for %zu words of SPIR-V", n);
    out->size = n * sizeof(uint32_t);
    glslang_program_SPIRV_get(program, out->words);
    return GYRE_OK;
}

static enum gyre_status generate(const struct gyre_log *log, const char *name,
                                 const glslang_input_t *input, glslang_shader_t *shader,
                                 glslang_program_t *program, struct vk_shader *out)
{
    if (!glslang_shader_preprocess(shader, input) || !glslang_shader_parse(shader, input))
        return gyre_fail(log, GYRE_COMPILE, "vulkan: %s: %s", name,
                         glslang_shader_get_info_log(shader));
    glslang_program_add_shader(program, shader);
    if (!glslang_program_link(program, (int)input->messages))
        return gyre_fail(log, GYRE_COMPILE, "vulkan: %s: %s", name,
                         glslang_program_get_info_log(program));
    glslang_program_SPIRV_generate(program, GLSLANG_STAGE_COMPUTE);
    return copy_words(log, program, out);
}

enum gyre_status gyre_glslang_compile(const struct gyre_log *log, const char *name,
                                      const char *preamble, const char *source,
                                      struct vk_shader *out)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, initialize);
    const glslang_input_t input = describe(source);
    glslang_shader_t *shader = glslang_shader_create(&input);
    glslang_program_t *program = glslang_program_create();
    enum gyre_status status = GYRE_NO_MEMORY;
    if (shader != NULL && program != NULL) {
        glslang_shader_set_preamble(shader, preamble);
        status = generate(log, name, &input, shader, program, out);
    }
    if (program != NULL)
        glslang_program_delete(program);
    if (shader != NULL)
        glslang_shader_delete(shader);
    return status;
}
