/* The part of NVML that a pre-flight reads, over the GPUs under /proc/driver/nvidia/gpus. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GPUS "/proc/driver/nvidia/gpus"
#define DRIVER "418.226.00"
enum { SUCCESS = 0, INVALID_ARGUMENT = 2, INSUFFICIENT_SIZE = 7, DRIVER_NOT_LOADED = 9 };

typedef struct { char address[32], name[96], uuid[80]; unsigned minor; } gpu;
typedef struct { char bus_id_legacy[16]; unsigned domain, bus, device, pci_device_id, pci_subsystem_id; char bus_id[32]; } pci_info;
typedef struct { unsigned long long total, free, used; } memory_info;

static gpu gpus[16];
static unsigned count;

static int gpu_named(const struct dirent *entry) { return entry->d_name[0] != '.'; }

static void value(const char *line, const char *key, char *to, size_t size) {
    if (strncmp(line, key, strlen(key)) != 0) return;
    const char *from = line + strlen(key);
    from += strspn(from, ": \t");
    snprintf(to, size, "%.*s", (int)strcspn(from, "\n"), from);
}

int nvmlInit_v2(void) {
    struct dirent **entries;
    int found = scandir(GPUS, &entries, gpu_named, alphasort);
    if (found < 0) return DRIVER_NOT_LOADED;
    count = 0;
    for (int i = 0; i < found && count < 16; i++) {
        char path[512], line[256], minor[16] = "0";
        gpu *g = &gpus[count++];
        snprintf(g->address, sizeof g->address, "%.31s", entries[i]->d_name);
        snprintf(path, sizeof path, GPUS "/%s/information", entries[i]->d_name);
        free(entries[i]);
        FILE *information = fopen(path, "r");
        while (information && fgets(line, sizeof line, information)) {
            value(line, "Model", g->name, sizeof g->name);
            value(line, "GPU UUID", g->uuid, sizeof g->uuid);
            value(line, "Device Minor", minor, sizeof minor);
        }
        if (information) fclose(information);
        g->minor = atoi(minor);
    }
    free(entries);
    return SUCCESS;
}
int nvmlInit(void) { return nvmlInit_v2(); }
int nvmlInitWithFlags(unsigned flags) { (void)flags; return nvmlInit_v2(); }
int nvmlShutdown(void) { return SUCCESS; }
const char *nvmlErrorString(int code) { return code == SUCCESS ? "Success" : code == DRIVER_NOT_LOADED ? "Driver Not Loaded" : "Unknown Error"; }

static int text(const char *from, char *to, unsigned size) {
    if (strlen(from) >= size) return INSUFFICIENT_SIZE;
    strcpy(to, from);
    return SUCCESS;
}
int nvmlSystemGetDriverVersion(char *to, unsigned size) { return text(DRIVER, to, size); }
int nvmlSystemGetNVMLVersion(char *to, unsigned size) { return text("10." DRIVER, to, size); }
int nvmlSystemGetCudaDriverVersion(int *to) { *to = 10010; return SUCCESS; }
int nvmlSystemGetCudaDriverVersion_v2(int *to) { *to = 10010; return SUCCESS; }

int nvmlDeviceGetCount_v2(unsigned *to) { *to = count; return SUCCESS; }
int nvmlDeviceGetCount(unsigned *to) { return nvmlDeviceGetCount_v2(to); }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, gpu **to) {
    if (index >= count) return INVALID_ARGUMENT;
    *to = &gpus[index];
    return SUCCESS;
}
int nvmlDeviceGetHandleByIndex(unsigned index, gpu **to) { return nvmlDeviceGetHandleByIndex_v2(index, to); }
int nvmlDeviceGetIndex(gpu *g, unsigned *to) { *to = g - gpus; return SUCCESS; }
int nvmlDeviceGetMinorNumber(gpu *g, unsigned *to) { *to = g->minor; return SUCCESS; }
int nvmlDeviceGetName(gpu *g, char *to, unsigned size) { return text(g->name, to, size); }
int nvmlDeviceGetUUID(gpu *g, char *to, unsigned size) { return text(g->uuid, to, size); }
int nvmlDeviceGetMemoryInfo(gpu *g, memory_info *to) {
    (void)g;
    to->total = to->free = 16130ULL << 20;
    to->used = 0;
    return SUCCESS;
}
int nvmlDeviceGetPciInfo_v3(gpu *g, pci_info *to) {
    memset(to, 0, sizeof *to);
    if (sscanf(g->address, "%x:%x:%x", &to->domain, &to->bus, &to->device) != 3) return INVALID_ARGUMENT;
    snprintf(to->bus_id_legacy, sizeof to->bus_id_legacy, "%04x:%02x:%02x.0", to->domain & 0xffff, to->bus & 0xff, to->device & 0xff);
    snprintf(to->bus_id, sizeof to->bus_id, "%08x:%02x:%02x.0", to->domain, to->bus, to->device);
    to->pci_device_id = 0x1db410de;
    to->pci_subsystem_id = 0x121410de;
    return SUCCESS;
}
int nvmlDeviceGetPciInfo_v2(gpu *g, pci_info *to) { return nvmlDeviceGetPciInfo_v3(g, to); }

static int nothing_runs(unsigned *processes) { *processes = 0; return SUCCESS; }
int nvmlDeviceGetComputeRunningProcesses(gpu *g, unsigned *n, void *to) { (void)g; (void)to; return nothing_runs(n); }
int nvmlDeviceGetComputeRunningProcesses_v2(gpu *g, unsigned *n, void *to) { (void)g; (void)to; return nothing_runs(n); }
int nvmlDeviceGetComputeRunningProcesses_v3(gpu *g, unsigned *n, void *to) { (void)g; (void)to; return nothing_runs(n); }
int nvmlDeviceGetGraphicsRunningProcesses(gpu *g, unsigned *n, void *to) { (void)g; (void)to; return nothing_runs(n); }
