# Compiler cache, linker, warnings and sanitizers, the same for every target.

find_program(CCACHE ccache)
if(CCACHE)
    set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(signalbox_flags INTERFACE)
target_compile_options(signalbox_flags INTERFACE
    -Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough
    -Wno-unused-parameter -Werror=return-type -Werror=unused-result -fno-omit-frame-pointer)
target_link_options(signalbox_flags INTERFACE -fuse-ld=mold)

if(SIGNALBOX_SANITIZE)
    add_compile_options(-fsanitize=${SIGNALBOX_SANITIZE} -fno-sanitize-recover=all)
    add_link_options(-fsanitize=${SIGNALBOX_SANITIZE})
endif()
