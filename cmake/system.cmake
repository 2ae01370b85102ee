# SPDX-License-Identifier: MIT
# Which system's files fill src/os/os.h, and what PLUG_HAVE_* it gives.
include(CheckSourceCompiles)
include(CheckSymbolExists)
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(PLUG_OS linux)
  set(PLUG_HAVE_EPOLL 1)
  set(CMAKE_REQUIRED_DEFINITIONS -D_GNU_SOURCE)
  target_compile_definitions(plug_flags INTERFACE _GNU_SOURCE=1 PLUG_HAVE_EPOLL=1)
  check_source_compiles(C "#include <netinet/in.h>
    #include <arpa/nameser.h>
    #include <resolv.h>
    int main(void) { struct __res_state st; unsigned char b[1];
      return res_ninit(&st) + res_nsearch(&st, \"a\", ns_c_in, ns_t_a, b, 1); }"
    PLUG_HAVE_RES_N)
  if(PLUG_HAVE_RES_N) # the C library asks name servers itself (musl does not)
    target_compile_definitions(plug_flags INTERFACE PLUG_HAVE_RES_N=1)
  endif()
  check_symbol_exists(pwritev2 sys/uio.h PLUG_HAVE_PWRITEV2)
  if(PLUG_HAVE_PWRITEV2)
    target_compile_definitions(plug_flags INTERFACE PLUG_HAVE_PWRITEV2=1)
  endif()
  set(THREADS_PREFER_PTHREAD_FLAG ON)
  find_package(Threads REQUIRED)
  target_link_libraries(plug_flags INTERFACE Threads::Threads)
elseif(CMAKE_SYSTEM_NAME STREQUAL "Windows")
  set(PLUG_OS win)
  target_compile_definitions(plug_flags INTERFACE
    _WIN32_WINNT=0x0A00 WIN32_LEAN_AND_MEAN=1 NOMINMAX=1 __USE_MINGW_ANSI_STDIO=1)
  target_link_libraries(plug_flags INTERFACE ws2_32 bcrypt iphlpapi)
else()
  message(FATAL_ERROR "no src/os/ for ${CMAKE_SYSTEM_NAME} yet")
endif()
