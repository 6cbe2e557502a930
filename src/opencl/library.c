// SPDX-License-Identifier: MIT
#include "opencl/library.h"

#include <dlfcn.h>
#include <string.h>

#include "log.h"

struct function {
    const char *name;
    size_t offset; // of its pointer in struct gyre_cl
};

#define FUNCTION(name) {#name, offsetof(struct gyre_cl, name)},
static const struct function functions[] = {GYRE_CL_FUNCTIONS(FUNCTION)};

enum gyre_status gyre_cl_load(const struct gyre_log *log, struct gyre_cl *cl)
{
    memset(cl, 0, sizeof(*cl));
    // Loader and drivers stay: unloaded ones leave their threads and allocations behind.
    cl->handle = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (cl->handle == NULL) {
        gyre_log_write(log, GYRE_LOG_INFO, "opencl: %s", dlerror());
        return GYRE_UNSUPPORTED;
    }
    for (size_t i = 0; i < sizeof(functions) / sizeof(*functions); i++) {
        void *symbol = dlsym(cl->handle, functions[i].name);
        if (symbol == NULL) {
            gyre_log_write(log, GYRE_LOG_WARNING, "opencl: the library has no %s",
                           functions[i].name);
            gyre_cl_unload(cl);
            return GYRE_UNSUPPORTED;
        }
        memcpy((char *)cl + functions[i].offset, &symbol, sizeof(symbol));
    }
    return GYRE_OK;
}

void gyre_cl_unload(struct gyre_cl *cl)
{
    if (cl->handle != NULL)
        dlclose(cl->handle);
    cl->handle = NULL;
}

static enum gyre_status status_of(cl_int error, enum gyre_cl_phase phase)
{
    switch (error) {
    case CL_SUCCESS:
        return GYRE_OK;
    case CL_OUT_OF_HOST_MEMORY:
        return GYRE_NO_MEMORY;
    case CL_DEVICE_NOT_AVAILABLE:
    case CL_INVALID_COMMAND_QUEUE:                     // NVIDIA's, after a kernel has faulted
    case CL_EXEC_STATUS_ERROR_FOR_EVENTS_IN_WAIT_LIST: // the work waited for has failed
        return GYRE_DEVICE_LOST;
    }
    if (phase == GYRE_CL_BUILD)
        return GYRE_COMPILE;
    switch (error) {
    case CL_OUT_OF_RESOURCES: // while work runs: NVIDIA's for a kernel that faults
        return phase == GYRE_CL_RUN ? GYRE_DEVICE_LOST : GYRE_NO_MEMORY;
    case CL_MEM_OBJECT_ALLOCATION_FAILURE:
        return GYRE_NO_MEMORY;
    case CL_BUILD_PROGRAM_FAILURE: // of a library that builds while it enqueues
        return GYRE_COMPILE;
    case CL_INVALID_BUFFER_SIZE:
    case CL_INVALID_WORK_GROUP_SIZE:
    case CL_INVALID_GLOBAL_WORK_SIZE:
        return GYRE_UNSUPPORTED;
    default:
        return GYRE_DEVICE;
    }
}

enum gyre_status gyre_cl_check(const struct gyre_log *log, cl_int error, enum gyre_cl_phase phase,
                               const char *call)
{
    enum gyre_status status = status_of(error, phase);
    return status == GYRE_OK ? status
                             : gyre_fail(log, status, "opencl: %s: error %d", call, (int)error);
}
