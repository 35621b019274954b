# Compiler cache, linker, warnings and sanitizers, the same for every target.

find_program(CCACHE ccache)
if(CCACHE)
    # The sloppiness is what ccache asks for with precompiled headers; the base directory lets two
    # checkouts share results.
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env
        CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime
        CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=true ${CCACHE})
endif()

add_library(signalbox_flags INTERFACE)
target_compile_options(signalbox_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
    -Wno-unused-parameter -Werror=return-type -Werror=unused-result -fno-omit-frame-pointer)
if(SIGNALBOX_LTO)
    # Layers are inlined into each other when a program is linked; lld alone can do that. Objects hold
    # machine code as well, so that any linker takes the installed library.
    add_compile_options(-flto=thin -ffat-lto-objects)
    target_link_options(signalbox_flags INTERFACE -fuse-ld=lld-19 -Wl,--fat-lto-objects
        -Wl,--thinlto-cache-dir=${CMAKE_BINARY_DIR}/lto-cache
        -Wl,--thinlto-cache-policy=cache_size_bytes=1g)
else()
    target_link_options(signalbox_flags INTERFACE -fuse-ld=mold)
endif()
# Precompiled headers are shared, so all targets must agree on what changes them.
set(CMAKE_CXX_FLAGS "${CMAKE_CXX_FLAGS} -pthread -Xclang -fno-pch-timestamp")

if(SIGNALBOX_SANITIZE)
    # The check of vptr looks at memory through a pipe: it accuses whoever runs out of descriptors.
    add_compile_options(-fsanitize=${SIGNALBOX_SANITIZE} -fno-sanitize=vptr -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${SIGNALBOX_SANITIZE})
endif()
