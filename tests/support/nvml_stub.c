/* A libnvidia-ml.so.1 that plays: cc -shared -fPIC -o libnvidia-ml.so.1 tests/support/nvml_stub.c
 *
 * What it plays is said in words, in the environment variable NVML_STUB, else in the file `<this library>.play`, else it is one
 * healthy GPU. GPU is an index or *.
 *
 *   gpus=4         how many (1)                    init=18        nvmlInit fails with this code: 18 mismatch, 9 no driver
 *   model=NAME     _ stands for a space            driver=535.1   the driver's version; nvml=12.535.1 the library's
 *   memory=MIB     of each                         bus=BDF,BDF    their PCI bus ids (0000:17:00.0 and up)
 *   gone=GPU       no handle: it is lost           lost=GPU       a handle, and every call says that it is lost
 *   reset=GPU      every call wants a reset        plain=GPU      no ECC, MIG, pages, rows, links, persistence
 *   mig=GPU        cut into two                    busy=GPU       a program computes on it
 *   pending=GPU    rows and pages wait             rowfailed=GPU  a remapping failed
 *   ecc=GPU        uncorrected errors              noecc=GPU      ECC is off
 *   nopersist=GPU  persistence mode is off         narrow=GPU     8 of 16 lanes
 *   slow=GPU       PCIe generation 1 of 4          hot=GPU        92 degrees, thermal slowdown
 *   hang=CALL      this call never comes back; hang=CALL:GPU for one GPU alone
 *   fail=CALL:CODE this call fails on every GPU
 *
 * With -DOLD it is the library of driver 418: without the functions that came later. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { OK = 0, INVALID = 2, UNSUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, LOST = 15, RESET = 16 };
enum { MOST = 64 };

typedef unsigned u32;
typedef unsigned long long u64;
typedef struct { u32 index; int mig; } gpu;
typedef struct { char legacy[16]; u32 domain, bus, device, id, subsystem; char bus_id[32]; } pci_info;
typedef struct { u64 total, free, used; } memory_info;
typedef struct { u32 version; u64 total, reserved, free, used; } memory_info_v2;
typedef struct { u32 pid; u64 memory; u32 gpu_instance, compute_instance; } process_info;
typedef struct { u32 field, scope; long long time, latency; u32 type, code; union { double d; u32 u; u64 ull; } value; } field_value;

static gpu gpus[MOST], cuts[MOST][2];
static u32 count;

/* The script of the play, read once. */
static const char *play(void) {
    static char text[4096];
    static int read;
    if (read) return text;
    read = 1;
    const char *said = getenv("NVML_STUB");
    if (said) {
        snprintf(text, sizeof text, " %s ", said);
        return text;
    }
    Dl_info self;
    char path[4096];
    if (!dladdr((void *)play, &self)) return text;
    snprintf(path, sizeof path, "%s.play", self.dli_fname);
    FILE *file = fopen(path, "r");
    if (!file) return text;
    text[0] = ' ';
    size_t length = fread(text + 1, 1, sizeof text - 3, file);
    fclose(file);
    for (size_t i = 0; i <= length; i++)
        if (text[i] == '\n' || text[i] == '\t') text[i] = ' ';
    text[length + 1] = ' ';
    return text;
}

/* The n-th value of a key, or null. */
static const char *value(const char *key, int n) {
    static __thread char found[256];
    size_t length = strlen(key);
    for (const char *at = play(); (at = strstr(at, key)); at += length) {
        if (at == play() || at[-1] != ' ' || at[length] != '=') continue;
        if (n-- > 0) continue;
        snprintf(found, sizeof found, "%.*s", (int)strcspn(at + length + 1, " "), at + length + 1);
        return found;
    }
    return NULL;
}

static const char *text_of(const char *key, const char *otherwise) {
    const char *said = value(key, 0);
    return said ? said : otherwise;
}

/* Whether a key names this GPU. */
static int is(const char *key, u32 index) {
    const char *said;
    for (int n = 0; (said = value(key, n)); n++)
        if (!strcmp(said, "*") || (u32)atoi(said) == index) return 1;
    return 0;
}

/* Hangs or fails, where the play says so. */
static int stage(const char *call, const gpu *g) {
    const char *said;
    for (int n = 0; (said = value("hang", n)); n++) {
        const char *colon = strchr(said, ':');
        size_t length = colon ? (size_t)(colon - said) : strlen(said);
        if (strlen(call) != length || strncmp(said, call, length)) continue;
        if (!colon || (g && (u32)atoi(colon + 1) == g->index))
            for (;;) sleep(3600);
    }
    for (int n = 0; (said = value("fail", n)); n++) {
        const char *colon = strchr(said, ':');
        if (colon && strlen(call) == (size_t)(colon - said) && !strncmp(said, call, colon - said)) return atoi(colon + 1);
    }
    if (!g) return OK;
    if (is("lost", g->index)) return LOST;
    if (is("reset", g->index)) return RESET;
    return OK;
}
#define STAGE(g) do { int code = stage(__func__, (const gpu *)(g)); if (code) return code; } while (0)
#define NEEDS_DATACENTRE(g) do { if (is("plain", ((gpu *)(g))->index)) return UNSUPPORTED; } while (0)

static int text(const char *from, char *to, u32 size) {
    if (strlen(from) >= size) return TOO_SMALL;
    strcpy(to, from);
    return OK;
}

int nvmlInit_v2(void) {
    STAGE(NULL);
    int code = atoi(text_of("init", "0"));
    if (code) return code;
    count = (u32)atoi(text_of("gpus", "1"));
    if (count > MOST) count = MOST;
    for (u32 i = 0; i < count; i++) {
        gpus[i] = (gpu){ i, 0 };
        for (int cut = 0; cut < 2; cut++) cuts[i][cut] = (gpu){ i, cut + 1 };
    }
    return OK;
}
int nvmlInit(void) { return nvmlInit_v2(); }
int nvmlInitWithFlags(u32 flags) { (void)flags; return nvmlInit_v2(); }
int nvmlShutdown(void) { return OK; }
const char *nvmlErrorString(int code) { return code ? "Error" : "Success"; }

int nvmlSystemGetDriverVersion(char *to, u32 size) { STAGE(NULL); return text(text_of("driver", "535.54.03"), to, size); }
int nvmlSystemGetNVMLVersion(char *to, u32 size) { STAGE(NULL); return text(text_of("nvml", "12.535.54.03"), to, size); }
int nvmlSystemGetCudaDriverVersion(int *to) { STAGE(NULL); *to = 12020; return OK; }
int nvmlSystemGetCudaDriverVersion_v2(int *to) { STAGE(NULL); *to = 12020; return OK; }
int nvmlSystemGetProcessName(u32 pid, char *to, u32 size) { return pid == 4711 ? text("/usr/bin/python3", to, size) : NOT_FOUND; }

int nvmlDeviceGetCount_v2(u32 *to) { STAGE(NULL); *to = count; return OK; }
int nvmlDeviceGetHandleByIndex_v2(u32 index, gpu **to) {
    if (index >= count) return INVALID;
    if (is("gone", index)) return LOST;
    int code = stage(__func__, &gpus[index]);
    if (code && code != LOST && code != RESET) return code;
    *to = &gpus[index];
    return OK;
}
int nvmlDeviceGetPciInfo_v3(gpu *g, pci_info *to) {
    STAGE(g);
    char address[32];
    memset(to, 0, sizeof *to);
    snprintf(address, sizeof address, "0000:%02x:00.0", 0x17 + g->index * 0x11);
    const char *said = value("bus", 0);
    for (u32 i = 0; said && i < g->index; i++) said = strchr(said, ',') ? strchr(said, ',') + 1 : NULL;
    if (said) snprintf(address, sizeof address, "%.*s", (int)strcspn(said, ","), said);
    if (sscanf(address, "%x:%x:%x", &to->domain, &to->bus, &to->device) != 3) return INVALID;
    snprintf(to->legacy, sizeof to->legacy, "%04X:%02X:%02X.0", to->domain & 0xffff, to->bus & 0xff, to->device & 0xff);
    snprintf(to->bus_id, sizeof to->bus_id, "%08X:%02X:%02X.0", to->domain, to->bus & 0xff, to->device & 0xff);
    to->id = 0x20b010de;
    to->subsystem = 0x134f10de;
    return OK;
}
int nvmlDeviceGetName(gpu *g, char *to, u32 size) {
    STAGE(g);
    char name[96];
    snprintf(name, sizeof name, "%s%s", text_of("model", "NVIDIA_A100-SXM4-40GB"), g->mig ? "_MIG_3g.20gb" : "");
    for (char *c = name; *c; c++)
        if (*c == '_') *c = ' ';
    return text(name, to, size);
}
int nvmlDeviceGetUUID(gpu *g, char *to, u32 size) {
    STAGE(g);
    char uuid[80];
    snprintf(uuid, sizeof uuid, "%s-6f1a3c5e-0000-4000-8000-%08u%04d", g->mig ? "MIG" : "GPU", g->index, g->mig);
    return text(uuid, to, size);
}
int nvmlDeviceGetMinorNumber(gpu *g, u32 *to) { STAGE(g); *to = g->index; return OK; }
int nvmlDeviceGetIndex(gpu *g, u32 *to) { STAGE(g); *to = g->index; return OK; }

static u64 memory(void) { return (u64)atoi(text_of("memory", "40960")) << 20; }
int nvmlDeviceGetMemoryInfo(gpu *g, memory_info *to) {
    STAGE(g);
    *to = (memory_info){ memory(), memory(), 0 };
    return OK;
}
#ifndef OLD
int nvmlDeviceGetMemoryInfo_v2(gpu *g, memory_info_v2 *to) {
    STAGE(g);
    if (to->version != (sizeof *to | 2 << 24)) return 25;
    to->total = memory();
    to->used = is("busy", g->index) ? 20480ULL << 20 : 0;
    to->reserved = 0;
    to->free = to->total - to->used;
    return OK;
}
int nvmlDeviceGetComputeRunningProcesses_v3(gpu *g, u32 *n, process_info *to) {
    STAGE(g);
    u32 room = *n;
    *n = is("busy", g->index);
    if (*n == 0) return OK;
    if (room < 1) return TOO_SMALL;
    *to = (process_info){ 4711, 20480ULL << 20, ~0u, ~0u };
    return OK;
}
int nvmlDeviceGetMigMode(gpu *g, u32 *current, u32 *pending) {
    STAGE(g);
    NEEDS_DATACENTRE(g);
    *current = *pending = is("mig", g->index);
    return OK;
}
int nvmlDeviceGetMaxMigDeviceCount(gpu *g, u32 *to) { STAGE(g); *to = 7; return OK; }
int nvmlDeviceGetMigDeviceHandleByIndex(gpu *g, u32 place, gpu **to) {
    STAGE(g);
    if (place >= 7) return INVALID;
    if (place != 0 && place != 4) return NOT_FOUND;
    *to = &cuts[g->index][place / 4];
    return OK;
}
int nvmlDeviceGetFieldValues(gpu *g, int n, field_value *to) {
    STAGE(g);
    for (int i = 0; i < n; i++) {
        to[i].type = 1;
        to[i].code = is("plain", g->index) ? UNSUPPORTED : OK;
        switch (to[i].field) {
        case 142: to[i].value.u = 0; break;
        case 143: to[i].value.u = is("pending", g->index); break;
        case 144: to[i].value.u = is("pending", g->index); break;
        case 145: to[i].value.u = is("rowfailed", g->index); break;
        default: to[i].code = INVALID;
        }
    }
    return OK;
}
#else
int nvmlDeviceGetFieldValues(gpu *g, int n, field_value *to) {
    STAGE(g);
    for (int i = 0; i < n; i++) to[i].code = INVALID;
    return OK;
}
#endif
int nvmlDeviceGetPersistenceMode(gpu *g, u32 *to) { STAGE(g); NEEDS_DATACENTRE(g); *to = !is("nopersist", g->index); return OK; }
int nvmlDeviceGetComputeMode(gpu *g, u32 *to) { STAGE(g); *to = 0; return OK; }
int nvmlDeviceGetEccMode(gpu *g, u32 *current, u32 *pending) {
    STAGE(g);
    NEEDS_DATACENTRE(g);
    *current = *pending = !is("noecc", g->index);
    return OK;
}
int nvmlDeviceGetTotalEccErrors(gpu *g, u32 kind, u32 since, u64 *to) {
    STAGE(g);
    NEEDS_DATACENTRE(g);
    if (is("noecc", g->index)) return UNSUPPORTED;
    *to = kind == 1 && is("ecc", g->index) ? (since == 0 ? 3 : 12) : 0;
    return OK;
}
int nvmlDeviceGetRetiredPages(gpu *g, u32 cause, u32 *n, u64 *to) { STAGE(g); (void)cause; (void)n; (void)to; return UNSUPPORTED; }
int nvmlDeviceGetRetiredPages_v2(gpu *g, u32 cause, u32 *n, u64 *to, u64 *times) { (void)times; return nvmlDeviceGetRetiredPages(g, cause, n, to); }
int nvmlDeviceGetRetiredPagesPendingStatus(gpu *g, u32 *to) { STAGE(g); (void)to; return UNSUPPORTED; }
int nvmlDeviceGetCurrPcieLinkGeneration(gpu *g, u32 *to) { STAGE(g); *to = is("slow", g->index) ? 1 : 4; return OK; }
int nvmlDeviceGetMaxPcieLinkGeneration(gpu *g, u32 *to) { STAGE(g); *to = 4; return OK; }
int nvmlDeviceGetCurrPcieLinkWidth(gpu *g, u32 *to) { STAGE(g); *to = is("narrow", g->index) ? 8 : 16; return OK; }
int nvmlDeviceGetMaxPcieLinkWidth(gpu *g, u32 *to) { STAGE(g); *to = 16; return OK; }
int nvmlDeviceGetNvLinkState(gpu *g, u32 link, u32 *to) {
    STAGE(g);
    NEEDS_DATACENTRE(g);
    if (link >= 12) return INVALID;
    *to = 1;
    return OK;
}
int nvmlDeviceGetEnforcedPowerLimit(gpu *g, u32 *to) { STAGE(g); *to = 400000; return OK; }
int nvmlDeviceGetTemperature(gpu *g, u32 sensor, u32 *to) { STAGE(g); (void)sensor; *to = is("hot", g->index) ? 92 : 31; return OK; }
int nvmlDeviceGetCurrentClocksThrottleReasons(gpu *g, u64 *to) { STAGE(g); *to = is("hot", g->index) ? 0x48 : 0x1; return OK; }
